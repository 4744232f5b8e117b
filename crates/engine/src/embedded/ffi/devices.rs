//! The graphics cards that llama.cpp finds.

use std::{
    ffi::{CStr, c_char},
    ptr::{null, null_mut},
};

use llama_cpp_sys_2 as sys;

use super::initialize;
use crate::gpu::{BACKEND, Device, Gpu};

/// The devices that a model is loaded onto, beside the processor.
#[derive(Debug)]
pub struct Devices {
    devices: Vec<sys::ggml_backend_dev_t>,
    names: Vec<String>,
    layers: u32,
}

impl Devices {
    /// The processor alone.
    #[must_use]
    pub fn none() -> Self {
        Self { devices: Vec::new(), names: Vec::new(), layers: 0 }
    }

    /// Starts the driver, and opens the wanted cards. The driver loads its libraries and opens the
    /// device nodes here, so this must come before the process loses them.
    ///
    /// # Errors
    /// If this build knows no cards, or a wanted one is not there. The text has the reason and
    /// advice.
    pub fn start(gpu: &Gpu) -> Result<Self, String> {
        let backend = BACKEND.ok_or(
            "this program was built for the processor alone: build it with `make build GPU=vulkan` \
             or `GPU=cuda`, or set `engine.gpu_layers = 0`",
        )?;
        initialize();
        let found: Vec<_> = cards().collect();
        let wanted: Vec<_> = match &gpu.device {
            Device::Every | Device::Software => found.clone(),
            Device::Named(name) => {
                found.iter().copied().filter(|card| name_of(*card) == *name).collect()
            }
        };
        if wanted.is_empty() {
            return Err(missing(backend, &gpu.device, &found));
        }
        for card in &wanted {
            open(*card)?;
        }
        let names = wanted.iter().map(|card| described(*card)).collect();
        Ok(Self { devices: wanted, names, layers: gpu.layers })
    }

    /// Returns the names and descriptions of the cards.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns llama.cpp's list of devices, which ends with null. An empty list is the processor
    /// alone; null in place of the list would be every device.
    pub(super) fn list(&self) -> Vec<sys::ggml_backend_dev_t> {
        self.devices.iter().copied().chain([null_mut()]).collect()
    }

    /// Returns the number of layers for the cards.
    pub(super) fn layers(&self) -> i32 {
        i32::try_from(self.layers).unwrap_or(i32::MAX)
    }
}

/// Returns the sentence about a card that is not there.
fn missing(backend: &str, wanted: &Device, found: &[sys::ggml_backend_dev_t]) -> String {
    let found: Vec<_> = found.iter().map(|card| described(*card)).collect();
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    let (what, advice) = match wanted {
        Device::Every => (
            "no graphics card".to_owned(),
            "install the card's driver, give the service's user its device nodes",
        ),
        Device::Named(name) => {
            (format!("no graphics card `{name}`"), "set `engine.gpu_device` to one of these")
        }
        Device::Software => {
            ("no software driver".to_owned(), "install Debian's `mesa-vulkan-drivers`")
        }
    };
    format!("{backend} reports {what} (found: {found}): {advice}, or set `engine.gpu_layers = 0`")
}

/// Returns the devices that are graphics cards: not the processor, and no library for it.
fn cards() -> impl Iterator<Item = sys::ggml_backend_dev_t> {
    // SAFETY: the list of devices is made once, when it is first read, and does not change later.
    let count = unsafe { sys::ggml_backend_dev_count() };
    // SAFETY: the index is below the count.
    (0..count).map(|index| unsafe { sys::ggml_backend_dev_get(index) }).filter(|card| {
        // SAFETY: a device of the list, which lives as long as the process.
        let kind = unsafe { sys::ggml_backend_dev_type(*card) };
        kind == sys::GGML_BACKEND_DEVICE_TYPE_GPU || kind == sys::GGML_BACKEND_DEVICE_TYPE_IGPU
    })
}

/// Opens a card. The driver keeps it open after this.
fn open(card: sys::ggml_backend_dev_t) -> Result<(), String> {
    // SAFETY: a device of the list; a null parameter stands for the defaults. The backend is freed
    // once, and nothing uses it.
    unsafe {
        let backend = sys::ggml_backend_dev_init(card, null());
        if backend.is_null() {
            let name = described(card);
            return Err(format!(
                "the graphics card {name} cannot be opened: check its driver and the rights on its \
                 device nodes, or set `engine.gpu_layers = 0`"
            ));
        }
        sys::ggml_backend_free(backend);
    }
    Ok(())
}

fn name_of(card: sys::ggml_backend_dev_t) -> String {
    // SAFETY: a device of the list; its texts live as long as it does.
    text(unsafe { sys::ggml_backend_dev_name(card) })
}

fn described(card: sys::ggml_backend_dev_t) -> String {
    // SAFETY: as above.
    let description = text(unsafe { sys::ggml_backend_dev_description(card) });
    format!("{}: {description}", name_of(card))
}

fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the callers pass NUL-terminated texts that live during this call.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
