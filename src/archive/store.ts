import type { ParsedInstance, Uid } from '../dicom/data-set.ts'
import { createPart10Reader, type Part10Reader } from '../dicom/reader.ts'
import { FAILURE } from '../dicom/reasons.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import type { Arrived } from './store-duplicate.ts'
import { createHeavyGate, type HeavyGate } from './store-heavy.ts'
import { refusal, type Refused, refusedBecause, type StoreOutcome } from './store-outcome.ts'
import { createSettler } from './store-settle.ts'
import { createSpool, type Spool, type SpoolRoom } from './store-spool.ts'

export interface IntakeOptions {
  /** Folder for parts that memory does not hold; it must be there. */
  readonly spoolDir: string
  /** Memory for the bytes of all uploads together. */
  readonly memoryBytes: number
  /** Length of one instance, also when inflated. */
  readonly partBytes: number
  /** Of that, everything but pixel data. */
  readonly headerBytes: number
  /** Told what went wrong and should not have. */
  readonly onBug: (error: unknown) => void
  /** Told after each batch that was committed; must cost nothing. */
  readonly onStored?: () => void
}

/** Where instances come into an archive; all uploads share its memory and its batches. */
export interface Intake {
  begin(options: UploadOptions): Upload
}

export interface UploadOptions {
  /** Only instances of this study are taken. */
  readonly study?: Uid | undefined
  /** Name of the token, else Source AE Title; null if unknown. */
  readonly sender: string | null
}

/**
 * One upload: parts one after the other, each in pieces as they come. Nothing here blocks; {@link Upload.ready} says
 * when to hold back.
 */
export interface Upload {
  /** Begins a part. */
  begin(): void
  /** The next bytes of the part; they must not change afterwards. Throws Problem `too-large`: the upload ends then. */
  write(bytes: Buffer): void
  /** The part is whole. */
  end(): void
  /** The part that was begun, or one that comes, is not stored. */
  refuse(reason: number, comment: string): void
  /** Forgets the part that was begun: its sender is gone. */
  abandon(): void
  /** A promise to wait for before more is written: the disk or the archive is behind. Never rejects. */
  ready(): Promise<unknown> | undefined
  /** What became of each part, in order, once all of them are settled. */
  outcomes(): Promise<readonly StoreOutcome[]>
}

/** What one upload may have between spooled and committed, in bytes; or one part, if that is larger. */
const MOST_UNSETTLED = 16 * 1024 * 1024

/** Opens the way into an archive. */
export function createIntake(archive: Archive, options: IntakeOptions): Intake {
  const room: SpoolRoom = { folder: options.spoolDir, memory: options.memoryBytes, used: 0 }
  const heavy = createHeavyGate(options.memoryBytes)
  const settle = createSettler(archive, options)
  return { begin: (upload) => createUpload({ archive, options, room, heavy, settle, ...upload }) }
}

/**
 * Stores whole instances from wherever they come: of each part its bytes, or its chunks. Rejects with Problem
 * `too-large` for a part above the limit.
 */
export async function storeInstances(
  intake: Intake,
  parts: AsyncIterable<Buffer | AsyncIterable<Buffer>> | Iterable<Buffer | AsyncIterable<Buffer>>,
  options: UploadOptions,
): Promise<readonly StoreOutcome[]> {
  const upload = intake.begin(options)
  for await (const part of parts) {
    upload.begin()
    for await (const chunk of Buffer.isBuffer(part) ? [part] : part) {
      upload.write(chunk)
      await upload.ready()
    }
    upload.end()
    await upload.ready()
  }
  return upload.outcomes()
}

interface UploadContext extends UploadOptions {
  readonly archive: Archive
  readonly options: IntakeOptions
  readonly room: SpoolRoom
  readonly heavy: HeavyGate
  readonly settle: (arrived: Arrived) => Promise<StoreOutcome>
}

/** A part that is coming in. */
interface Part {
  readonly reader: Part10Reader
  readonly spool: Spool
  size: number
  /** Why it will not be stored; what still comes of it is passed over. */
  refused: Refused | undefined
  /** Gives back what it takes: memory, or a staging file. */
  readonly drop: () => Promise<void>
}

function createUpload(context: UploadContext): Upload {
  const { options, heavy } = context
  const { partBytes, onBug } = options
  const outcomes: Promise<StoreOutcome>[] = []
  let part: Part | undefined
  let unsettled = 0
  let wake: (() => void) | undefined

  async function settlePart(whole: Part): Promise<StoreOutcome> {
    unsettled += whole.size
    const outcome = await settleWhole(context, whole)
    unsettled -= whole.size
    if (unsettled <= MOST_UNSETTLED) wake?.()
    return outcome
  }

  return {
    begin() {
      part = beginPart(context)
    },
    write(bytes) {
      if (part === undefined) return
      part.size += bytes.length
      if (part.size > partBytes) {
        refusePart(part, refusal(FAILURE.outOfResources.code, `It is longer than ${partBytes} bytes`))
        throw new Problem('too-large', `An instance is longer than ${partBytes} bytes.`)
      }
      if (part.refused !== undefined) return
      try {
        part.reader.push(bytes)
        part.spool.write(bytes)
      } catch (error) {
        refusePart(part, refusedBecause(error, onBug))
      }
    },
    end() {
      if (part === undefined) return
      outcomes.push(part.refused === undefined ? settlePart(part) : Promise.resolve(part.refused))
      part = undefined
    },
    refuse(reason, comment) {
      const refused = refusal(reason, comment)
      if (part !== undefined) refusePart(part, refused)
      outcomes.push(Promise.resolve(part?.refused ?? refused))
      part = undefined
    },
    abandon() {
      void part?.drop()
      part = undefined
    },
    ready() {
      if (part !== undefined && part.refused === undefined) {
        const { reader, spool } = part
        const behind = part
        const spooling = spool.ready()
        if (spooling !== undefined) {
          return spooling.catch((error: unknown) => refusePart(behind, refusedBecause(error, onBug)))
        }
        const waiting = heavy.update(part, reader.memory)
        if (waiting !== undefined) return waiting
      }
      if (unsettled <= MOST_UNSETTLED) return undefined
      return new Promise<void>((resolve) => {
        wake = resolve
      })
    },
    outcomes: () => Promise.all(outcomes),
  }
}

function beginPart({ options, room, heavy }: UploadContext): Part {
  const { headerBytes, partBytes } = options
  const reader = createPart10Reader({ headerBytes, inflatedBytes: partBytes })
  const spool = createSpool(room, () => reader.dataSetOffset)
  const part: Part = {
    reader,
    spool,
    size: 0,
    refused: undefined,
    drop() {
      heavy.leave(part)
      return spool.discard()
    },
  }
  return part
}

function refusePart(part: Part, refused: Refused): void {
  part.refused ??= refused
  void part.drop()
}

/** Reads the end of a part and hands it on, unless it is of another study than the one asked for. Never rejects. */
async function settleWhole(context: UploadContext, { reader, spool, drop }: Part): Promise<StoreOutcome> {
  const { archive, options, settle, study, sender } = context
  try {
    const parsed = reader.end()
    const { SOPClassUID, uids } = parsed
    if (study !== undefined && study !== uids.study) {
      const { code, meaning } = FAILURE.wrongStudy
      return { ...refusal(code, meaning), SOPClassUID, SOPInstanceUID: uids.instance }
    }
    const spooled = await spool.finish(parsed.dataSetOffset)
    return await settle({ parsed, spooled, sender: sender ?? sourceOf(parsed), receivedAt: archive.now() })
  } catch (error) {
    return refusedBecause(error, options.onBug)
  } finally {
    await drop()
  }
}

/** Source Application Entity Title (0002,0016), where it says one. */
export function sourceOf({ meta }: ParsedInstance): string | null {
  const title = meta['00020016']?.Value?.[0]
  return typeof title === 'string' ? title : null
}
