// Files that were dropped or chosen, with their paths below what was dropped: folders may be labels.

/** A file and the name that it is uploaded by. */
export interface Picked {
  name: string;
  file: File;
}

/** Where the trainer draws the line, so that nothing is uploaded in vain. */
export const FILES_MAX = 10_000;

/** Files of an input; one for folders gives their paths. */
export function pickedOf(files: Iterable<File>): Picked[] {
  return [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

/** Everything that was dropped, with all folders below it. The entries are taken at once: they end with the event. */
export async function droppedOf(transfer: DataTransfer): Promise<Picked[]> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry());
  const plain = items.map((item) => item.getAsFile());
  const found: Picked[] = [];
  for (const [at, entry] of entries.entries()) {
    const file = plain[at];
    if (entry) await walk(entry, "", found);
    else if (file) found.push({ name: file.name, file });
    if (found.length > FILES_MAX) break;
  }
  return found;
}

async function walk(entry: FileSystemEntry, prefix: string, found: Picked[]): Promise<void> {
  if (found.length > FILES_MAX) return;
  const name = prefix + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ name, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives a part of the folder each time, until there is nothing more.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const below of part) await walk(below, `${name}/`, found);
  }
}

/** What of the files is taken, and why the rest is not. */
export interface Sorted {
  taken: Picked[];
  left: { name: string; reason: string }[];
}

/** Sorts out what cannot be uploaded: hidden and empty files, names that are there already. */
export function sorted(picked: readonly Picked[], there: ReadonlySet<string>): Sorted {
  const names = new Set(there);
  const result: Sorted = { taken: [], left: [] };
  for (const { name, file } of picked) {
    const reason = fault(name, file, names, result.taken.length + there.size);
    if (reason) {
      result.left.push({ name, reason });
    } else {
      names.add(name);
      result.taken.push({ name, file });
    }
  }
  return result;
}

function fault(name: string, file: File, names: ReadonlySet<string>, count: number): string | undefined {
  if (name.split("/").some((part) => part.startsWith("."))) return "a hidden file";
  if (file.size === 0) return "an empty file";
  if (names.has(name)) return "there already, by this name";
  if (count >= FILES_MAX) return `an import takes at most ${FILES_MAX} files`;
  return undefined;
}
