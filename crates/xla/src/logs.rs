//! The log lines of plugins.
//!
//! Plugins write them to C's `stderr`, whatever the user asked for: the first ones before any option can be set, and
//! the level that `TF_CPP_MIN_LOG_LEVEL` sets must be in the environment before, which only a process with one thread
//! may change. So a plugin gets a `stderr` of its own. Its code takes the stream from a variable that the dynamic
//! loader has pointed to libc's; here the plugin's pointer, and no one else's, is pointed to a stream that drops the
//! lines. Those of a fatal error, after which the plugin ends the process, are still written.
//!
//! `COTANGENT_PLUGIN_LOG=1` leaves everything as it is, and so does a `TF_CPP_MIN_LOG_LEVEL` that the user has set.

use std::sync::atomic::{AtomicBool, Ordering};

static SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows the log lines of the plugins that are loaded from now on, on standard error, as `COTANGENT_PLUGIN_LOG=1` does.
pub fn show_plugin_logs() {
    SHOWN.store(true, Ordering::Relaxed);
}

/// Gives a library that has just been loaded a `stderr` that drops its log lines. If that is impossible, they are
/// shown.
///
/// # Safety
/// `handle` must be a handle of `dlopen`, and no thread may run the library's code.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(crate) unsafe fn silence(handle: *mut std::ffi::c_void) {
    // SAFETY: guaranteed by the caller.
    unsafe { linux::silence(handle) };
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod linux {
    use std::ffi::{CStr, c_char, c_int, c_long, c_void};
    use std::fs::File;
    use std::io::Write;
    use std::mem::ManuallyDrop;
    use std::os::fd::FromRawFd;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Whether the user wants to see the log lines of plugins.
    fn wanted() -> bool {
        if super::SHOWN.load(Ordering::Relaxed) {
            return true;
        }
        let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        set("TF_CPP_MIN_LOG_LEVEL")
            || std::env::var_os("COTANGENT_PLUGIN_LOG").is_some_and(|v| !v.is_empty() && v != "0")
    }

    /// A library that is loaded, as `<link.h>` declares it.
    #[repr(C)]
    struct LinkMap {
        base: usize,
        name: *const c_char,
        dynamic: *const Dynamic,
    }

    /// `Elf64_Dyn`
    #[repr(C)]
    struct Dynamic {
        tag: i64,
        value: u64,
    }

    /// `Elf64_Rela`: a place that the dynamic loader has filled in.
    #[repr(C)]
    struct Relocation {
        place: u64,
        /// The kind in the lower half, the symbol in the upper one.
        info: u64,
        addend: i64,
    }

    /// `Elf64_Sym`
    #[repr(C)]
    struct Symbol {
        name: u32,
        _other: [u8; 4],
        _value: [u64; 2],
    }

    /// `cookie_io_functions_t`
    #[repr(C)]
    struct StreamFunctions {
        read: Option<unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> isize>,
        write: Option<unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> isize>,
        seek: Option<unsafe extern "C" fn(*mut c_void, *mut i64, c_int) -> c_int>,
        close: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    }

    unsafe extern "C" {
        /// The variable of libc. Its content is a `FILE *`.
        static stderr: *mut c_void;
        fn dlinfo(handle: *mut c_void, request: c_int, info: *mut c_void) -> c_int;
        fn fopencookie(cookie: *mut c_void, mode: *const c_char, functions: StreamFunctions) -> *mut c_void;
        fn setvbuf(stream: *mut c_void, buffer: *mut c_char, mode: c_int, size: usize) -> c_int;
        fn mprotect(address: *mut c_void, length: usize, protection: c_int) -> c_int;
        fn sysconf(name: c_int) -> c_long;
    }

    /// `RTLD_DI_LINKMAP`
    const LINK_MAP: c_int = 2;
    /// `_IONBF`
    const UNBUFFERED: c_int = 2;
    /// `PROT_READ`, `PROT_WRITE`
    const READ: c_int = 1;
    const WRITE: c_int = 2;
    /// `_SC_PAGESIZE`
    const PAGE_SIZE: c_int = 30;

    /// Where the dynamic loader keeps what it knows about a library: `DT_STRTAB` and so on.
    const NAMES: i64 = 5;
    const SYMBOLS: i64 = 6;
    const RELOCATIONS: i64 = 7;
    const RELOCATIONS_SIZE: i64 = 8;
    /// The number of relocations at the start that name no symbol.
    const RELATIVE_COUNT: i64 = 0x6fff_fff9;

    /// The kinds of relocation whose place holds the address of a variable: `R_*_GLOB_DAT` and `R_*_64`.
    #[cfg(target_arch = "x86_64")]
    const ADDRESS: [u32; 2] = [6, 1];
    #[cfg(not(target_arch = "x86_64"))]
    const ADDRESS: [u32; 2] = [1025, 257];

    /// # Safety
    /// As for [`super::silence`].
    pub(super) unsafe fn silence(handle: *mut c_void) {
        if wanted() {
            return;
        }
        let mut map: *const LinkMap = std::ptr::null();
        // SAFETY: the handle is one of `dlopen`, and this request stores a pointer.
        if unsafe { dlinfo(handle, LINK_MAP, (&raw mut map).cast()) } != 0 || map.is_null() {
            return;
        }
        // SAFETY: the map lives as long as the library, which is never unloaded.
        let map = unsafe { &*map };
        // SAFETY: the dynamic section ends with a tag 0, and is mapped for as long as the library.
        let entry = |tag: i64| unsafe {
            let mut at = map.dynamic;
            while (*at).tag != 0 && (*at).tag != tag {
                at = at.add(1);
            }
            ((*at).tag == tag).then_some((*at).value as usize)
        };
        // glibc has added the base to the addresses in the section, where the section is writable.
        let address = |tag| entry(tag).map(|value| if value < map.base { map.base + value } else { value });
        let (Some(names), Some(symbols)) = (address(NAMES), address(SYMBOLS)) else {
            return;
        };
        let (Some(relocations), Some(size)) = (address(RELOCATIONS), entry(RELOCATIONS_SIZE)) else {
            return;
        };
        let Some(stream) = silent() else {
            return;
        };
        let count = size / size_of::<Relocation>();
        for place in entry(RELATIVE_COUNT).unwrap_or(0).min(count)..count {
            // SAFETY: the table has `count` entries. A symbol's name ends with a zero byte.
            let (relocation, name) = unsafe {
                let relocation = &*(relocations as *const Relocation).add(place);
                let symbol = &*(symbols as *const Symbol).add((relocation.info >> 32) as usize);
                (relocation, CStr::from_ptr((names as *const c_char).add(symbol.name as usize)))
            };
            if ADDRESS.contains(&(relocation.info as u32)) && name == c"stderr" {
                // SAFETY: the dynamic loader has stored the address of `stderr` there. No code of the library runs yet.
                unsafe { redirect(map.base + relocation.place as usize, stream) };
            }
        }
    }

    /// Points a pointer to `stderr` to another variable.
    ///
    /// # Safety
    /// At `place`, the dynamic loader must have stored the address of a variable, and nothing may read it meanwhile.
    unsafe fn redirect(place: usize, stream: &'static Stream) {
        // SAFETY: it is aligned, as the dynamic loader requires, and mapped.
        unsafe {
            let pointer = place as *mut *const *mut c_void;
            if *pointer != &raw const stderr {
                return;
            }
            // The loader has made the page read-only, since it does not change any more.
            let page = usize::try_from(sysconf(PAGE_SIZE)).unwrap_or(4096);
            let start = (place & !(page - 1)) as *mut c_void;
            if mprotect(start, page, READ | WRITE) == 0 {
                *pointer = &raw const stream.0;
                mprotect(start, page, READ);
            }
        }
    }

    /// A variable that holds a `FILE *`, as `stderr` does.
    struct Stream(*mut c_void);

    // SAFETY: streams of C have locks of their own.
    unsafe impl Send for Stream {}
    // SAFETY: as above.
    unsafe impl Sync for Stream {}

    /// The stream that drops log lines.
    fn silent() -> Option<&'static Stream> {
        static STREAM: OnceLock<Option<Stream>> = OnceLock::new();
        let open = || {
            let functions = StreamFunctions { read: None, write: Some(write), seek: None, close: None };
            // SAFETY: the cookie is not used, and the function lives as long as the process.
            let stream = unsafe { fopencookie(std::ptr::null_mut(), c"w".as_ptr(), functions) };
            if stream.is_null() {
                return None;
            }
            // SAFETY: nothing was written to the stream yet.
            unsafe { setvbuf(stream, std::ptr::null_mut(), UNBUFFERED, 0) };
            Some(Stream(stream))
        };
        STREAM.get_or_init(open).as_ref()
    }

    /// Receives what a plugin writes.
    unsafe extern "C" fn write(_: *mut c_void, bytes: *const c_char, size: usize) -> isize {
        // SAFETY: libc passes `size` readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), size) };
        static FATAL: AtomicBool = AtomicBool::new(false);
        // A fatal error has several lines, after which the process ends.
        if FATAL.load(Ordering::Relaxed) || is_fatal(bytes) {
            FATAL.store(true, Ordering::Relaxed);
            // SAFETY: the descriptor is not closed here. Rust's own `stderr` may be locked by a thread that waits for
            // the plugin.
            let mut real = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
            let _ = real.write_all(bytes);
        }
        size as isize
    }

    /// Whether this is the first line of a fatal error: `F0000 00:00:1795722343.967451 …`.
    fn is_fatal(line: &[u8]) -> bool {
        line.len() > 6 && line[0] == b'F' && line[1..5].iter().all(u8::is_ascii_digit) && line[5] == b' '
    }

    #[test]
    fn only_fatal_errors_are_shown() {
        assert!(is_fatal(b"F1126 19:46:19.468020    3567 flags.cc:57] unknown flag\n"));
        for line in [&b"E1126 19:46:19.468020    3567 x.cc:57] failed\n"[..], b"WARNING: All log messages", b"F", b""] {
            assert!(!is_fatal(line));
        }
    }
}
