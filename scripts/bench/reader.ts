import dcmjs from 'dcmjs'
import { readPart10 } from '../../src/dicom/reader.ts'

/** Milliseconds a file for the header up to pixel data, best of `rounds`: ours, and dcmjs' fastest way. */
export function readerTimes(bytes: Buffer, rounds = 9): { ours: number; dcmjs: number } {
  const exact = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
  const theirs = dcmjs.data.DicomMessage
  return {
    ours: best(rounds, () => readPart10(bytes)),
    dcmjs: best(rounds, () =>
      theirs.readFile(exact, { untilTag: '7FE00010', includeUntilTagValue: false, ignoreErrors: true }),
    ),
  }
}

function best(rounds: number, work: () => unknown): number {
  for (let warm = 0; warm < 200; warm++) work()
  let least = Infinity
  for (let round = 0; round < rounds; round++) {
    const started = performance.now()
    for (let turn = 0; turn < 100; turn++) work()
    least = Math.min(least, (performance.now() - started) / 100)
  }
  return least
}
