//! How the C library treats large blocks of memory. The CPU's plugin takes them from it, one for each result.

/// Has the C library reuse large blocks from the start.
///
/// It maps a block over a threshold, 128 KiB at first, and unmaps it when it is freed: the system then clears each page that the
/// next result touches. Freeing a mapped block raises the threshold to the block's size, up to 32 MiB, so that blocks of
/// this size are reused from then on. But XLA asks for aligned memory, whose block is larger when it is asked for than when it is
/// freed. So a program that makes one large result again and again never gets there: 10,000 matrices of 8 × 8 take
/// 21 ms to decompose by QR instead of 7. This sets what the C library arrives at by itself if a block of 32 MiB is freed once.
///
/// Whoever sets the C library's own variables decides instead.
pub(crate) fn reuse_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;
        use std::sync::Once;

        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        // From malloc.h.
        const M_TRIM_THRESHOLD: c_int = -1;
        const M_MMAP_THRESHOLD: c_int = -3;
        /// The largest threshold that the C library sets by itself on machines of 64 bits.
        const LARGEST: c_int = 32 << 20;
        static ONCE: Once = Once::new();

        let variables = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_"];
        let tuned = || std::env::var("GLIBC_TUNABLES").is_ok_and(|text| text.contains("glibc.malloc"));
        ONCE.call_once(|| {
            if variables.iter().any(|name| std::env::var_os(name).is_some()) || tuned() {
                return;
            }
            // SAFETY: `mallopt` takes the lock of the C library's heap and stores two words, each of which other threads read once
            // in an allocation: every mixture of old and new values is a setting that is allowed. It keeps no pointer.
            unsafe {
                mallopt(M_MMAP_THRESHOLD, LARGEST);
                mallopt(M_TRIM_THRESHOLD, 2 * LARGEST);
            }
        });
    }
}
