//! Reading modules.

use cotangent_stablehlo::read;

/// Reads each file that `READ` names, and prints it: for `check_read.py`.
#[test]
fn files_of_the_environment() {
    let Some(paths) = std::env::var_os("READ") else { return };
    for path in std::env::split_paths(&paths) {
        let bytes = std::fs::read(&path).unwrap();
        match read::bytes(&bytes) {
            Ok(program) => {
                let text = program.to_text();
                let again = read::text(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", path.display()));
                assert!(program == again, "{}", path.display());
                std::fs::write(path.with_extension("read"), text).unwrap();
            }
            Err(e) => std::fs::write(path.with_extension("read"), format!("error: {e}\n")).unwrap(),
        }
    }
}
