/** JPEG XL: exactly the samples that went in. No encoder is at hand here, so the streams are libjxl's, written down. */
import type { PixelFormat } from '../../src/dicom/pixel-format.ts'
import { transferSyntaxes } from '../../src/dicom/transfer-syntax.ts'
import { decodeFrame } from '../../src/pixels/decode.ts'
import { openPixelEngine } from '../../src/pixels/engine.ts'
import { isProblem } from '../../src/problem.ts'
import { format } from './encoders.ts'

const LOSSLESS = '1.2.840.10008.1.2.4.110'
const size = { Rows: 5, Columns: 7 }
const values = (count: number, step: number, bits: number) =>
  Array.from({ length: count }, (_, at) => (at * step) % 2 ** bits)

const GREY_8 = '/wogQBAUNwIIBAEAVABLKCXWgYKCpLhEGoA4rbXWWgAAAAA='
const BOXED =
  'AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAranhsY/8KIEAQFDcCCAQBAFQASygl1oGCgqS4RBqAOK211loAAAAA'
const BIT = '/wogQAwExY0IBAEAPABLGIsVCg1Jjru7u4EGAwE='
const GREY_12 = '/wogQBgULQIIBAEA1ABLOGoY0tPbKChIiq2CjTH/CrqCw+STTz55DSY39OQ1AEPX4F4YugZg6HuBoWsAhq4BGLoGAA=='
const GREY_16 =
  'AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAABPanhsY/8KIED8AEWLCAQBAOQASzhqGNLb+ysoSIrNxlKuQHTJBH6ju7u7u7u7u7v7iVh3DxHC7c4TsSFC3O54IjZEyO0OT8S6e4gQ'
const RGB_8 =
  '/wogQBAJCAQBAAACSxiTjoODKTBaYitijIjBIowxhjFYNUZHx+BoDGoZY9sLxAiwFdEVIKGF3smXdd5i9NlTWWfYRBC5kaLuQrjyifTf0awSrlmL6rJmDSQkbCLWUcGOTlScCQWUSUNeesmEuxJOvF+66f6/pkNlTCt4DA9nQIFrAVMMQEYE+ONJnhA='
const RGB_16 =
  'AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAADkanhsY/8KIED8ABQtAggEAQA0A0sYk46Fg0lGRvPRtGMM7keMwStipCMjY4wxMioGQ2U0LxAjQDDEAMC3sgAYjAAYzFo4zcYoUwzN/vjYzDQbo0zDJjEYjAAYjAAYjAAYK26MMzEYMl3oMBib3S0A5owVIwAGgwhRE2sWgwjJjAgaEdYsBoOZURAAgxEAgxEAg5HEuhuDwWDuNtq8WwAMRgAMBhNheTfmbkyI5N0YDEYADEYADEbCWgAMBhE+e2xGDAYRNkyWckys8QLE/Gwbi9ZGjVV4ZGqDCW0R+CXBegI='
/** With an alpha channel, and of floating point. */
const RGBA =
  '/wogQLASCBAQAEgCSxiTjoODKTBaYmsYY3QMFoiRYYwxxsZg4RiciqodGWOpC8gIsCrk+UTuFNwacb3bdrPqe3IIfnJijg9lTEAsRcB/iS1z7as9Ndba+ltrWz+tUT0DWJqIoGrQNWJXXBIoigS4xa3v2ZcalERC1qS2ufrv2XLqv2WLZNh2/aONj8WbaYh7WGjKc8DuHqxKEu9/Dzw='
const FLOAT =
  'AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAACPanhsY/8KIEByQNEiCAQBAOQBSxiLFUJ6yG4BAKnfdt9Dsz6F6xE+pHCRWuF6hD0Kh+F6BOF69A3X37wI16OnlHOz838o0fLIUdOYKOL2UbhOd+NEcC5Qi+uRxfXoyHoZNOYaheuBpG4ZQHsrPFtZ5VxKB1cxKxh7FM65ECu5HtW1xILr0TUCWx5UAA=='
const bytesOf = (base64: string) => Buffer.from(base64, 'base64')

it.each<[string, string, Partial<PixelFormat>, number[]]>([
  ['grey of 8 bits', GREY_8, { BitsAllocated: 8 }, values(35, 37, 8)],
  ['grey of 8 bits, in a file with boxes', BOXED, { BitsAllocated: 8 }, values(35, 37, 8)],
  ['grey of 1 bit in cells of 8', BIT, { BitsAllocated: 8, BitsStored: 1 }, values(35, 1, 1)],
  ['grey of 12 bits', GREY_12, { BitsAllocated: 16, BitsStored: 12 }, values(35, 997, 12)],
  ['grey of 16 bits', GREY_16, { BitsAllocated: 16 }, values(35, 7919, 16)],
  ['colours of 8 bits', RGB_8, { BitsAllocated: 8, SamplesPerPixel: 3 }, values(105, 37, 8)],
  ['colours of 16 bits', RGB_16, { BitsAllocated: 16, SamplesPerPixel: 3 }, values(105, 7919, 16)],
])('decodes %s', async (_what, stream, changes, expected) => {
  const of = format({ ...size, ...changes })
  const native = await decodeFrame(bytesOf(stream), LOSSLESS, of)
  const samples = of.BitsAllocated === 8 ? native : new Uint16Array(Uint8Array.from(native).buffer)
  expect([...samples]).toEqual(expected)
})

it('decodes all its transfer syntaxes', async () => {
  const syntaxes = transferSyntaxes().filter(({ name }) => name.startsWith('JPEG XL'))
  expect(syntaxes.map(({ uid }) => uid)).toEqual(
    ['110', '111', '112'].map((one) => LOSSLESS.replace('110', one)),
  )
  for (const { uid } of syntaxes) {
    const native = await decodeFrame(bytesOf(GREY_8), uid, format({ ...size, BitsAllocated: 8 }))
    expect([...native]).toEqual(values(35, 37, 8))
  }
})

const grey = format({ ...size, BitsAllocated: 8 })
it.each<[string, Uint8Array, PixelFormat, RegExp]>([
  ['of another size', bytesOf(GREY_8), { ...grey, Rows: 6 }, /another size/],
  ['of another number of colours', bytesOf(GREY_8), { ...grey, SamplesPerPixel: 3 }, /another size/],
  ['of more bits than are allocated', bytesOf(GREY_12), grey, /more bits/],
  ['that is transparent', bytesOf(RGBA), { ...grey, SamplesPerPixel: 3 }, /more channels than colours/],
  ['of floating point', bytesOf(FLOAT), format(size), /floating point/],
  ['that is cut off', bytesOf(GREY_8).subarray(0, 25), grey, /ends early|refuses/],
  ['that is cut off in its head', bytesOf(GREY_8).subarray(0, 4), grey, /ends early/],
  ['whose boxes hold none', bytesOf(BOXED).subarray(0, 40), grey, /no JPEG XL/],
  ['that is none', Buffer.alloc(40), grey, /no JPEG XL/],
])('refuses a stream %s', async (_what, bytes, of, why) => {
  await expect(decodeFrame(bytes, LOSSLESS, of)).rejects.toThrow(why)
})

it('never crashes on damaged streams, nor gives another size', async () => {
  // A trap of the codec ends its thread.
  const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 5000, cacheBytes: 0 })
  const whole = bytesOf(RGB_8)
  const of = format({ ...size, BitsAllocated: 8, SamplesPerPixel: 3 })
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8))
    const frame = {
      key: `${at}`,
      TransferSyntaxUID: LOSSLESS,
      format: of,
      read: () => Promise.resolve(damaged),
    }
    const decoded = await engine.decode(frame).catch((error: unknown) => error)
    const isFine = Buffer.isBuffer(decoded) ? decoded.length === 105 : isProblem(decoded, 'not-acceptable')
    expect([at, isFine, decoded]).toEqual([at, true, decoded])
  }
  await engine.close()
}, 60_000)
