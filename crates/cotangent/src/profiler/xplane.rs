//! Profiles in the format of XProf: an `XSpace` of protocol buffers, with one plane for the host.

use std::time::UNIX_EPOCH;

use super::files::Profile;
use super::proto::{Message, Numbers};

/// The profile as a file.
pub(super) fn bytes(profile: &Profile, host: &str) -> Vec<u8> {
    let (mut names, mut stats): (Numbers<&str>, Numbers<&str>) = Default::default();
    let (began, at) = profile.began;
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let mut plane = Message::default().int(1, 1).text(2, "/host:CPU");
    for (thread, name) in &profile.threads {
        let mut line = Message::default().int(1, *thread).text(2, name).int(3, at);
        for event in profile.events.iter().filter(|event| event.thread == *thread) {
            let start = event.start.duration_since(began).as_nanos() as u64 * 1000;
            let duration = event.duration.as_nanos() as u64 * 1000;
            let mut written = Message::default().int(1, names.of(&&*event.name)).int(2, start).int(3, duration);
            for (stat, value) in &event.details {
                let message = Message::default().int(1, stats.of(stat));
                let message = match value.parse::<u64>() {
                    Ok(number) => message.int(3, number),
                    Err(_) => message.text(5, value),
                };
                written = written.message(4, message);
            }
            line = line.message(4, written);
        }
        plane = plane.message(3, line);
    }
    // Names are entries of maps from numbers to messages of a number and a name.
    let named = |field: u64, names: &Numbers<&str>, plane: Message| {
        names.all().fold(plane, |plane, (name, number)| {
            let named = Message::default().int(1, number).text(2, name);
            plane.message(field, Message::default().int(1, number).message(2, named))
        })
    };
    let plane = named(5, &stats, named(4, &names, plane));
    Message::default().message(1, plane).text(4, host).0
}
