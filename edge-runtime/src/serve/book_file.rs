//! Raised alarms and mutes on the disk, written by a thread of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use anyhow::Context as _;

use super::operator::Book;
use super::whole_file;

/// Name of the file in the state folder.
const FILE: &str = "alarms.json";
/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Reads what an earlier life of the program has left.
///
/// # Errors
/// The file is there and cannot be read. A damaged one is set aside and told.
pub(super) fn read(folder: &Path) -> anyhow::Result<Book> {
    let path = folder.join(FILE);
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Book::default()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let text = match size <= FILE_BYTES_MAX {
        true => fs::read(&path).with_context(|| path.display().to_string())?,
        false => Vec::new(),
    };
    serde_json::from_slice(&text).or_else(|error| {
        let aside = path.with_extension("json.broken");
        fs::rename(&path, &aside).with_context(|| path.display().to_string())?;
        tracing::error!(
            %error,
            "alarms.json is damaged and was set aside: alarms that were raised are raised anew, \
             mutes are over"
        );
        Ok(Book::default())
    })
}

/// Takes what shall be written; the newest is what counts.
pub(super) struct BookKeeper {
    books: SyncSender<()>,
    newest: std::sync::Arc<std::sync::Mutex<Option<Book>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl BookKeeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives none.
    pub(super) fn start(folder: PathBuf) -> anyhow::Result<BookKeeper> {
        let (books, wakes) = sync_channel(1);
        let newest = std::sync::Arc::new(std::sync::Mutex::new(None));
        let shared = std::sync::Arc::clone(&newest);
        let work = move || keep(&folder, &wakes, &shared);
        let thread = std::thread::Builder::new().name("alarms".to_owned());
        let thread = thread.spawn(work).context("the system gives no thread")?;
        Ok(BookKeeper { books, newest, thread: Some(thread) })
    }

    /// Leaves a book there; never waits.
    pub(super) fn keep(&self, book: Book) {
        *self.newest.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(book);
        // One that waits already will find the newest book.
        if let Err(TrySendError::Disconnected(())) = self.books.try_send(()) {
            tracing::error!("nobody writes alarms down any more");
        }
    }
}

impl Drop for BookKeeper {
    /// Waits until the newest book is on the disk.
    fn drop(&mut self) {
        let (closed, _) = sync_channel(1);
        self.books = closed;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(folder: &Path, wakes: &Receiver<()>, newest: &std::sync::Mutex<Option<Book>>) {
    let mut has_failed = false;
    while wakes.recv().is_ok() {
        let book = newest.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(book) = book else { continue };
        match write(folder, &book) {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                has_failed = true;
                let error = format!("{error:#}");
                tracing::error!(error, "raised alarms and mutes cannot be written down");
            }
            Err(_) => {}
        }
    }
}

fn write(folder: &Path, book: &Book) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    whole_file::write(&path, &serde_json::to_vec(book)?).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::operator::Mute;

    #[test]
    fn the_newest_book_is_on_the_disk_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Book::default());
        let keeper = BookKeeper::start(folder.path().to_owned()).unwrap();
        let book = |until_ns| Book {
            mutes: vec![Mute { stream: None, until_ns, by: "Ann".to_owned() }],
            ..Book::default()
        };
        keeper.keep(book(0));
        while read(folder.path()).unwrap() != book(0) {
            std::thread::yield_now();
        }
        (0..100).for_each(|until_ns| keeper.keep(book(until_ns)));
        drop(keeper);
        assert_eq!(read(folder.path()).unwrap(), book(99));
    }

    #[test]
    fn a_damaged_book_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(read(folder.path()).unwrap(), Book::default());
        assert!(folder.path().join("alarms.json.broken").exists());
    }
}
