import fc from 'fast-check'
import { lengthOf, sliceOf } from '../src/pieces.ts'

describe('bytes in pieces', () => {
  it('are sliced as if they lay end to end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 9 })),
        fc.nat(60),
        fc.nat(60),
        (lists, offset, length) => {
          const pieces = lists.map((list) => Buffer.from(list))
          const whole = Buffer.concat(pieces)
          expect(lengthOf(pieces)).toBe(whole.length)
          expect(sliceOf(pieces, offset, length)).toEqual(whole.subarray(offset, offset + length))
        },
      ),
    )
  })
})
