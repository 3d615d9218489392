/** The files of a drop or of a chooser, those in folders too. */

/** @typedef {{ readonly name: string, readonly file: File }} Named */

/**
 * @param {DataTransfer | null} transfer
 * @returns {Promise<Named[]>}
 */
export async function droppedFiles(transfer) {
  // What was dropped can be read only before the first wait.
  const entries = [...(transfer?.items ?? [])]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null)
  const found = await Promise.all(entries.map((entry) => filesOf(entry)))
  return found.flat()
}

/**
 * @param {FileList | null} list
 * @returns {Named[]}
 */
export function chosenFiles(list) {
  return [...(list ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }))
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<Named[]>}
 */
async function filesOf(entry) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    )
    return [{ name: entry.fullPath.replace(/^\//, ''), file }]
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader()
  /** @type {Named[]} */
  const found = []
  for (;;) {
    /** @type {FileSystemEntry[]} a hundred at most */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (entries.length === 0) return found
    for (const inner of entries) found.push(...(await filesOf(inner)))
  }
}
