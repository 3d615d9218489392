import type { DataSet, ParsedInstance } from './data-set.ts'
import { encodingOf, findMeta, SNIFFED } from './reader-detect.ts'
import { readNext, readOn } from './reader-elements.ts'
import { endParse } from './reader-end.ts'
import { identify, refuseDirectory } from './reader-identity.ts'
import { createInflater, type Inflater } from './reader-inflate.ts'
import { createInput, feed, has, offsetOf, type Input } from './reader-input.ts'
import { settle } from './reader-scope.ts'
import { limitsOf, newParse, newScope, type Parse, type ReaderLimits } from './reader-state.ts'
import { note, oddityList, Unreadable } from './reader-unreadable.ts'

export { Unreadable } from './reader-unreadable.ts'
export type { ReaderLimits } from './reader-state.ts'

/** Reads one Part 10 file (PS3.10 §7) that comes in chunks. */
export interface Part10Reader {
  /**
   * Takes the next bytes, of any number; they must not change afterwards. Throws {@link Unreadable} once it is certain
   * that the file cannot be stored, and ever after.
   */
  push(chunk: Buffer): void
  /** The file is over. Throws {@link Unreadable}. */
  end(): ParsedInstance
  /** First byte of the data set; undefined until group 0002 was read. */
  readonly dataSetOffset: number | undefined
  /** Memory that what was read so far takes, roughly, in bytes. */
  readonly memory: number
}

/** All of a file at once. Throws {@link Unreadable}. */
export function readPart10(bytes: Buffer, limits: Partial<ReaderLimits> = {}): ParsedInstance {
  const reader = createPart10Reader(limits)
  reader.push(bytes)
  return reader.end()
}

interface State {
  phase: 'beginning' | 'meta' | 'encoding' | 'data'
  /** The whole file, or up to the data set if that is deflated. */
  readonly input: Input
  readonly limits: ReaderLimits
  parse: Parse
  meta: DataSet
  inflater: Inflater | undefined
  size: number
  dataSetOffset: number | undefined
  /** Where group 0002 ends by its own words. */
  metaEnd: number | undefined
  refusal: Unreadable | undefined
  readonly onElement: Parse['onElement']
}

/**
 * A reader that holds no more than the elements themselves: pixel data and binary values over 1 KiB are passed over.
 * It works on the caller's thread, in the time that the bytes of a chunk take. A deflated data set is inflated as it
 * comes in, 64 KiB at a time.
 * @param onElement told of each element of the data set, not of those in items, as it is met: its tag, and where its
 * header begins in the file (in the inflated data set if that is deflated); of some more than once
 */
export function createPart10Reader(
  limits: Partial<ReaderLimits> = {},
  onElement?: (tag: number, offset: number) => void,
): Part10Reader {
  const input = createInput()
  const all = limitsOf(limits)
  const state: State = {
    phase: 'beginning',
    input,
    limits: all,
    parse: newParse(input, all),
    meta: Object.create(null) as DataSet,
    inflater: undefined,
    size: 0,
    dataSetOffset: undefined,
    metaEnd: undefined,
    refusal: undefined,
    onElement,
  }
  // A plain property: a getter would give each reader a hidden class of its own, which keeps all of it from the
  // scavenger.
  const reader = {
    dataSetOffset: state.dataSetOffset,
    memory: 0,
    push(chunk: Buffer): void {
      guarded(state, () => take(state, chunk))
      reader.dataSetOffset = state.dataSetOffset
      reader.memory = state.parse.held + state.parse.weight
    },
    end: () => guarded(state, () => finish(state)),
  }
  return reader
}

/** A file once refused stays refused. */
function guarded<Result>(state: State, work: () => Result): Result {
  if (state.refusal) throw state.refusal
  try {
    return work()
  } catch (error) {
    if (error instanceof Unreadable) state.refusal = error
    throw error
  }
}

function take(state: State, chunk: Buffer): void {
  if (chunk.length === 0) return
  state.size += chunk.length
  if (state.inflater) state.inflater.push(chunk)
  else if (feed(state.input, chunk)) advance(state, false)
}

/** Goes through the phases as far as the bytes reach; `over`: there will be no more. */
function advance(state: State, over: boolean): void {
  if (state.phase === 'beginning' && !begin(state, over)) return
  if (state.phase === 'meta' && !readMeta(state, over)) return
  if (state.phase === 'encoding' && !startDataSet(state, over)) return
  if (state.inflater === undefined) readOn(state.parse)
}

function begin(state: State, over: boolean): boolean {
  const { input, parse } = state
  if (!has(input, SNIFFED) && !over) return false
  const { at, hasMeta } = findMeta(input.buffer.subarray(input.at, input.end), parse.oddities)
  input.at += at
  state.phase = hasMeta ? 'meta' : 'encoding'
  return true
}

/** Group 0002 ends where another group begins; its length (0002,0000) is only compared, as it lies too often. */
function readMeta(state: State, over: boolean): boolean {
  const { input, parse } = state
  for (;;) {
    const between = input.skip === 0 && parse.scope.parent === undefined && parse.scope.open === undefined
    if (between && parse.fragments === undefined) {
      if (!has(input, 12) && !over) return false
      if (input.end - input.at < 12 || input.buffer.readUInt16LE(input.at) !== 2) break
      if (input.buffer.readUInt16LE(input.at + 2) === 0)
        state.metaEnd = offsetOf(input) + 12 + input.buffer.readUInt32LE(input.at + 8)
    }
    if (!readNext(parse)) return false
  }
  if (state.metaEnd !== offsetOf(input)) {
    note(
      parse.oddities,
      state.metaEnd === undefined ? 'is missing' : 'is not the length of its group',
      '00020000',
    )
  }
  state.meta = parse.scope.dataSet
  settle(parse.scope)
  refuseDirectory(state.meta)
  parse.scope = newScope(undefined, Infinity, false)
  state.phase = 'encoding'
  return true
}

/** Finds out how the data set is encoded, and begins it. */
function startDataSet(state: State, over: boolean): boolean {
  const { input, parse, limits } = state
  if (!has(input, 8) && !over) return false
  const declared = state.meta['00020010']?.Value?.[0]
  const window = input.buffer.subarray(input.at, input.end)
  const encoding = encodingOf(window, typeof declared === 'string' ? declared : undefined, parse.oddities)
  state.dataSetOffset = offsetOf(input)
  state.phase = 'data'
  parse.TransferSyntaxUID = encoding.TransferSyntaxUID
  parse.scope.implicit = encoding.implicit
  parse.scope.bigEndian = encoding.bigEndian
  parse.onElement = state.onElement
  if (encoding.deflated) {
    const inflated = createInput()
    const inner = { ...parse, input: inflated }
    state.parse = inner
    state.inflater = createInflater(limits.inflatedBytes, (chunk) => {
      if (feed(inflated, chunk)) readOn(inner)
    })
    state.inflater.push(window)
  }
  return true
}

function finish(state: State): ParsedInstance {
  if (state.phase !== 'data') advance(state, true)
  if (state.dataSetOffset === undefined) throw new Unreadable('the file ends within group 0002')
  const { parse, meta, inflater, size, dataSetOffset } = state
  if (inflater?.end() === false) note(parse.oddities, 'has a deflate stream without end')
  endParse(parse)
  const { dataSet } = parse.scope
  const { uids, SOPClassUID } = identify(meta, dataSet, parse.oddities)
  const { TransferSyntaxUID, pixelMap, damaged, oddities } = parse
  return {
    uids,
    SOPClassUID,
    TransferSyntaxUID,
    meta,
    dataSet,
    pixelMap,
    size,
    dataSetOffset,
    damaged,
    oddities: oddityList(oddities),
  }
}
