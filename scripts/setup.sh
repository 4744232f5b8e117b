#!/usr/bin/env bash
# Installs the packages that the build needs and a bare Debian lacks: cmake, a C++ compiler, libclang,
# pip and venv. Installs only missing packages, so a second run takes no time.
# It does not install Rust, and changes nothing but apt's packages.
source "$(dirname "$0")/lib.sh"

command -v cargo >/dev/null ||
	die "cargo is not installed" "Install Rust from https://rustup.rs, open a new shell, and run this again."

missing=()
need() { missing+=("$1"); }

command -v cmake >/dev/null || need cmake
command -v g++ >/dev/null || need g++
command -v make >/dev/null || need make
# bindgen loads the library and reads its headers. It looks for these names; `libclang-cpp.so` of
# other packages is another library.
has_libclang() {
	local folder name
	for folder in /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu; do
		for name in libclang.so libclang.so.* libclang-[0-9]*.so*; do
			compgen -G "$folder/$name" >/dev/null && return 0
		done
	done
	return 1
}
[ -n "${LIBCLANG_PATH:-}" ] || has_libclang || need libclang-dev
command -v python3 >/dev/null || need python3
python3 -c 'import venv, ensurepip' 2>/dev/null || need python3-venv
python3 -c 'import pip' 2>/dev/null || need python3-pip
# `scripts/setup.sh tests` also installs libfaketime: tests move the service's wall clock with it. SoftHSM
# holds a customer's key. Tests of the packages read units with systemd-analyze, and those of the pages
# drive chromium.
if [ "${1:-}" = tests ]; then
	command -v dpkg-shlibdeps >/dev/null || need dpkg-dev
	command -v systemd-analyze >/dev/null || need systemd
	compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || need libfaketime
	command -v softhsm2-util >/dev/null || need softhsm2
	command -v chromium >/dev/null || need chromium
fi
# `scripts/setup.sh dist` also installs the tools that pack a release.
if [ "${1:-}" = dist ]; then
	command -v dpkg-shlibdeps >/dev/null || need dpkg-dev
	command -v buildah >/dev/null || need buildah
fi
# `scripts/setup.sh vulkan` also installs the compiler of shaders, the loader and the headers.
if [ "${1:-}" = vulkan ]; then
	command -v glslc >/dev/null || need glslc
	[ -e /usr/include/vulkan/vulkan.hpp ] || [ -n "${VULKAN_SDK:-}" ] || need libvulkan-dev
	compgen -G '/usr/share/cmake/SPIRV-Headers/*.cmake' >/dev/null || [ -n "${VULKAN_SDK:-}" ] || need spirv-headers
fi
# CUDA comes from NVIDIA, not from Debian: this only looks for it.
if [ "${1:-}" = cuda ]; then
	command -v nvcc >/dev/null || [ -x "${CUDA_PATH:-/usr/local/cuda}/bin/nvcc" ] ||
		die "nvcc is not installed" "Install NVIDIA's CUDA toolkit 12 or later (https://developer.nvidia.com/cuda-downloads), and set CUDA_PATH to its folder."
fi

# Checks that the compiler will find headers that llama.cpp can use.
check_vulkan_headers() {
	local core version=0
	for core in "${VULKAN_SDK:-/nonexistent}"/include /usr/local/include /usr/include; do
		core="$core/vulkan/vulkan_core.h"
		[ -e "$core" ] || continue
		version="$(sed -n 's/^#define VK_HEADER_VERSION \([0-9]*\)$/\1/p' "$core")"
		break
	done
	# Of the versions up to this one, llama.cpp is known not to compile.
	[ "${version:-0}" -gt 239 ] ||
		die "the Vulkan headers are too old, or missing (header version ${version:-0}): llama.cpp needs newer ones than 1.3.239; 1.4.309 works" \
			"Debian 13 has them. On an older system, unpack Debian 13's libvulkan-dev and spirv-headers, and copy vulkan, vk_video and spirv from usr/include to /usr/local/include; or set VULKAN_SDK to LunarG's SDK."
}

if [ ${#missing[@]} -eq 0 ]; then
	[ "${1:-}" != vulkan ] || check_vulkan_headers
	exit 0
fi

command -v apt-get >/dev/null ||
	die "not installed: ${missing[*]}" "This is not Debian or Ubuntu: install them with your package manager, and run this again."

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "not installed: ${missing[*]}" "As root, run: apt-get install ${missing[*]}"
	as_root=(sudo)
fi
say "installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
retry "${apt[@]}" update >&2 &&
	retry "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
	die "apt-get could not install ${missing[*]}" "Read its messages above; then run: ${as_root[*]} apt-get install ${missing[*]}"
[ "${1:-}" != vulkan ] || check_vulkan_headers
