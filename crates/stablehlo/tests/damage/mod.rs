//! Damaged files, which readers must refuse or read as something else.
//!
//! The damage is random, and the same for the same seed. `FUZZ_TIMES` multiplies the number of files, `FUZZ_SEED` is the seed, and with
//! `FUZZ_TRACE` each one is written to the file `damaged` in the folder for temporary files before it is read, for a case that
//! ends the process.

mod change;

use peak_alloc::PeakAlloc;

/// How many bytes a reader may take: a multiple of the input, and a number for tables that do not depend on it.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) per_byte: usize,
    pub(crate) more: usize,
}

fn number(variable: &str) -> u64 {
    std::env::var(variable).map_or(1, |n| n.parse().expect("a number"))
}

/// Returns how many files there are instead of so many.
pub(crate) fn times(cases: u64) -> u64 {
    cases * number("FUZZ_TIMES")
}

/// Calls `read` with damaged files. It returns whether a file could be read. Returns how many could be.
pub(crate) fn fuzz(
    files: &[Vec<u8>],
    cases: u64,
    memory: Memory,
    allocator: &PeakAlloc,
    read: impl FnMut(u64, &[u8]) -> bool,
) -> u64 {
    fuzz_with(|random| random.damaged(files), cases, memory, allocator, read)
}

/// [`fuzz`] with files that `make` returns.
pub(crate) fn fuzz_with(
    make: impl Fn(&mut Random) -> Vec<u8>,
    cases: u64,
    memory: Memory,
    allocator: &PeakAlloc,
    mut read: impl FnMut(u64, &[u8]) -> bool,
) -> u64 {
    let (cases, seed) = (times(cases), number("FUZZ_SEED"));
    let (mut random, mut found, mut most) = (Random::new(seed), 0, 0.0f64);
    for case in 0..cases {
        let bytes = make(&mut random);
        if std::env::var_os("FUZZ_TRACE").is_some() {
            std::fs::write(std::env::temp_dir().join("damaged"), &bytes).expect("a file");
        }
        allocator.reset_peak_usage();
        let before = allocator.current_usage();
        found += u64::from(read(case, &bytes));
        let taken = allocator.peak_usage().saturating_sub(before);
        most = most.max(taken.saturating_sub(memory.more) as f64 / bytes.len().max(1) as f64);
        assert!(
            taken <= memory.per_byte * bytes.len() + memory.more,
            "case {case} of seed {seed}: {taken} bytes of memory for {} bytes",
            bytes.len()
        );
    }
    println!("{cases} damaged files, {found} of them read, with up to {most:.0} bytes of memory for each byte");
    found
}

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// A place in the bytes, and the end of a short range from there.
    fn range(&mut self, len: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(len);
        start..(start + self.below(longest) + 1).min(len)
    }

    /// A file with up to four changes: flipped bits, other bytes and numbers, parts that are missing, doubled, or of another
    /// file, and in text also brackets and words, up to 256 times in a row.
    pub(crate) fn damaged(&mut self, files: &[Vec<u8>]) -> Vec<u8> {
        const TOKENS: [&str; 24] = [
            "(",
            ")",
            "{",
            "}",
            "<",
            ">",
            "[",
            "]",
            "\"",
            "%0",
            "#loc",
            "@main",
            "tensor<",
            "dense<",
            ": () -> ()",
            "0x",
            "-1",
            "18446744073709551616",
            "?x",
            "^bb0(",
            "loc(",
            "stablehlo.while(",
            "\\",
            "\u{e9}",
        ];
        let mut bytes = files[self.below(files.len())].clone();
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                break;
            }
            let text = !bytes.starts_with(b"ML\xef");
            match self.below(8) {
                0 => {
                    let at = self.below(bytes.len());
                    bytes[at] ^= 1 << self.below(8);
                }
                1 => {
                    let at = self.below(bytes.len());
                    bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, 2, b' ', b'9'][self.below(8)];
                }
                2 => {
                    let range = self.range(bytes.len(), 40);
                    bytes.drain(range);
                }
                3 => {
                    let range = self.range(bytes.len(), 200);
                    let copy = bytes[range].to_vec();
                    let at = self.below(bytes.len());
                    bytes.splice(at..at, copy);
                }
                4 => bytes.truncate(self.below(bytes.len())),
                5 => {
                    // A part of another file.
                    let other = &files[self.below(files.len())];
                    let part = other[self.range(other.len(), 200)].to_vec();
                    let range = self.range(bytes.len(), 200);
                    bytes.splice(range, part);
                }
                6 if text => {
                    let token = TOKENS[self.below(TOKENS.len())].repeat(1 << self.below(9));
                    let at = self.below(bytes.len());
                    bytes.splice(at..at, token.bytes());
                }
                _ => {
                    // A number of the bytecode, or a digit, becomes another one.
                    let at = self.below(bytes.len());
                    let word = self.next().to_le_bytes();
                    let n = (at + 1 + self.below(9)).min(bytes.len()) - at;
                    bytes[at..at + n]
                        .copy_from_slice(&word[..n.min(8)].iter().copied().cycle().take(n).collect::<Vec<_>>());
                }
            }
        }
        bytes
    }
}
