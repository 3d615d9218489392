/** Lines are found in the text of a data set without cutting it into all of them. */
import { jsonOfLines } from '../../src/database/encoding.ts'
import { linesIn } from '../../src/database/search-instances.ts'

const line = (tag: string, value = 'x'): string => `"${tag}":{"vr":"LO","Value":["${value}"]}`
const hex = (number: number): string => number.toString(16).toUpperCase().padStart(8, '0')

/** Every second tag from (0008,0001) on, so that there is one that is not there before, between and behind any two. */
const tags = (count: number): string[] => Array.from({ length: count }, (_, at) => hex(0x00080001 + 2 * at))

describe('the lines of a data set', () => {
  it.each([0, 1, 2, 3, 10, 141])('are found, and those that are not there are not, among %i', (count) => {
    const there = tags(count)
    // Lines of all lengths: where the middle of the text lies says nothing of the middle line.
    const json = jsonOfLines(there.map((tag, at) => line(tag, 'x'.repeat((at * 37) % 200))))
    for (const [at, tag] of there.entries())
      expect(linesIn(json).get(tag)).toBe(line(tag, 'x'.repeat((at * 37) % 200)))
    for (const tag of [...there.map((one) => hex(Number.parseInt(one, 16) + 1)), '00080000', 'FFFFFFFF'])
      expect(linesIn(json).get(tag)).toBeUndefined()
  })

  it('are found where group 0002 stands before what is less', () => {
    const all = ['00020010', '00000002', '00010010', '00080005', '00080016', '7FE00010']
    const json = jsonOfLines(all.map((tag) => line(tag, tag)))
    for (const tag of all) expect(linesIn(json).get(tag)).toBe(line(tag, tag))
    expect(linesIn(json).get('00020000')).toBeUndefined()
  })
})
