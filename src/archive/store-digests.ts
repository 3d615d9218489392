import { createHash, hash } from 'node:crypto'

/** SHA-256 of the file and of its data set, in lower-case hexadecimal. */
export interface PartDigests {
  readonly sha256: string
  readonly datasetSha256: string
}

/** Both digests of a part, worked out while its bytes arrive. */
export interface RunningDigests {
  update(bytes: Buffer): void
  /** The data set's is undefined where it began, at `dataSetOffset`, before anybody knew: hash it from there. */
  end(dataSetOffset: number): { readonly sha256: string; readonly datasetSha256: string | undefined }
}

/**
 * Begins with the first byte of a part.
 * @param dataSetOffset where the data set begins (behind preamble and group 0002), once the reader knows
 */
export function runDigests(dataSetOffset: () => number | undefined): RunningDigests {
  const ofFile = createHash('sha256')
  const ofDataSet = createHash('sha256')
  /** Where the hash of the data set began. */
  let from: number | undefined
  let size = 0
  return {
    update(bytes) {
      ofFile.update(bytes)
      if (from === undefined) {
        const offset = dataSetOffset()
        if (offset !== undefined && offset >= size) from = offset
      }
      if (from !== undefined) ofDataSet.update(from <= size ? bytes : bytes.subarray(from - size))
      size += bytes.length
    },
    end: (offset) => ({
      sha256: ofFile.digest('hex'),
      datasetSha256: from === offset ? ofDataSet.digest('hex') : undefined,
    }),
  }
}

/** Both digests of a part that is there, which lies in a few pieces. */
export function digestPieces(pieces: readonly Buffer[], dataSetOffset: number): PartDigests {
  const [only] = pieces
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)
  return { sha256: hash('sha256', bytes), datasetSha256: hash('sha256', bytes.subarray(dataSetOffset)) }
}
