//! Graphics cards: what a worker is asked to use, and what its driver's environment is.
//!
//! Only builds with the feature `cuda` or `vulkan` can use one. In all other builds [`BACKEND`] is
//! `None`, and a wish for a card is refused.

use serde::{Deserialize, Serialize};

/// The back end for graphics cards in this build, by llama.cpp's name.
pub const BACKEND: Option<&str> = if cfg!(feature = "cuda") {
    Some("CUDA")
} else if cfg!(feature = "vulkan") {
    Some("Vulkan")
} else {
    None
};

#[cfg(all(feature = "cuda", feature = "vulkan"))]
compile_error!("a build has one back end for graphics cards: turn on `cuda` or `vulkan`, not both");

/// The wish to compute a part of the model on graphics cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// Number of the model's layers whose weights and cache are in the memory of the card. The
    /// processor computes the others.
    pub layers: u32,
    /// The card.
    pub device: Device,
}

/// The choice of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// All that the driver reports.
    Every,
    /// The one with this name, such as `Vulkan0` or `CUDA1`.
    Named(String),
    /// Mesa's driver that computes on the processor, for tests. It compiles machine code while it
    /// serves, so its worker may have executable memory.
    Software,
}

impl Gpu {
    /// Whether the driver computes on the processor.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.device == Device::Software
    }

    /// Returns the environment of the worker's driver: no layers of other programs, and no cache of
    /// compiled programs on disk.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let fixed = [
            ("VK_LOADER_LAYERS_DISABLE", "~all~"),
            ("MESA_SHADER_CACHE_DISABLE", "true"),
            ("__GL_SHADER_DISK_CACHE", "0"),
            ("CUDA_CACHE_DISABLE", "1"),
        ];
        let mut all: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
        if self.is_software() {
            // The file's name has the architecture in Debian 12, and none in later versions.
            let architecture = std::env::consts::ARCH;
            let drivers = format!("{ICDS}/lvp_icd.{architecture}.json:{ICDS}/lvp_icd.json");
            all.push(("VK_DRIVER_FILES", drivers));
            // llama.cpp takes a driver that computes on the processor only if it is named.
            all.push(("GGML_VK_VISIBLE_DEVICES", "0".to_owned()));
        }
        all
    }
}

/// The folder where packages describe Vulkan's drivers.
const ICDS: &str = "/usr/share/vulkan/icd.d";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_software_driver_is_named_to_the_loader() {
        let names = |device| {
            let environment = Gpu { layers: 1, device }.environment();
            environment.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert!(names(Device::Software).contains(&"VK_DRIVER_FILES"));
        let every = names(Device::Every);
        assert!(!every.contains(&"VK_DRIVER_FILES"));
        assert!(every.contains(&"MESA_SHADER_CACHE_DISABLE"));
        assert_eq!(every, names(Device::Named("Vulkan0".to_owned())));
    }
}
