/** Lines are found in the text of a data set without cutting it into all of them. */
import { jsonOfLines, textOf } from '../../src/database/encoding.ts'
import { partTest, type StoredDataSet } from '../../src/database/search-instances.ts'
import { linesIn } from '../../src/database/search-lines.ts'

const line = (tag: string, value = 'x'): string => `"${tag}":{"vr":"LO","Value":["${value}"]}`
const hex = (number: number): string => number.toString(16).toUpperCase().padStart(8, '0')

/** Every second tag from (0008,0001) on, so that there is one that is not there before, between and behind any two. */
const tags = (count: number): string[] => Array.from({ length: count }, (_, at) => hex(0x00080001 + 2 * at))

describe('the lines of a data set', () => {
  it.each([
    ...[0, 1, 2, 3, 10, 141].map((count) => ({ count, isMuchAsked: false })),
    { count: 3, isMuchAsked: true },
  ])('are found, and those that are not there are not, among $count', ({ count, isMuchAsked }) => {
    const there = tags(count)
    // Lines of all lengths: where the middle of the text lies says nothing of the middle line.
    const json = jsonOfLines(there.map((tag, at) => line(tag, 'x'.repeat((at * 37) % 200))))
    for (const [at, tag] of there.entries())
      expect(linesIn(json, isMuchAsked).get(tag)).toBe(line(tag, 'x'.repeat((at * 37) % 200)))
    for (const tag of [...there.map((one) => hex(Number.parseInt(one, 16) + 1)), '00080000', 'FFFFFFFF'])
      expect(linesIn(json, isMuchAsked).get(tag)).toBeUndefined()
  })

  it('are found where group 0002 stands before what is less', () => {
    const all = ['00020010', '00000002', '00010010', '00080005', '00080016', '7FE00010']
    const json = jsonOfLines(all.map((tag) => line(tag, tag)))
    for (const tag of all) expect(linesIn(json).get(tag)).toBe(line(tag, tag))
    expect(linesIn(json).get('00020000')).toBeUndefined()
  })
})

describe('a text that comes as bytes', () => {
  it.each(['', 'ASCII\u0000', 'Inês', '山田', '\u{1F9E0} at the end'])('is the same: %j', (text) => {
    expect(textOf(new Uint8Array(Buffer.from(text)))).toBe(text)
    expect(textOf(text)).toBe(text)
  })
})

describe('a test on what keys look at', () => {
  const holding = (lines: Record<string, string>): StoredDataSet => ({
    line: (tag) => lines[tag],
    element: () => undefined,
    tags: () => [],
  })
  const key = { path: ['00080070'], vr: 'LO', match: { kind: 'values', values: ['a'] } } as const

  it('is made once of the same lines, and of lines that differ each time', () => {
    const seen: unknown[] = []
    const isA = partTest([key], (part) => {
      seen.push(part)
      return part['00080070']?.Value?.[0] === 'a'
    })
    const [a, b] = [line('00080070', 'a'), line('00080070', 'b')]
    const answers = [a, a, b, a, b].map((text) => isA(holding({ '00080070': text })))
    expect(answers).toEqual([true, true, false, true, false])
    // Of another tag, and with a time zone, the same value is not the same.
    expect(isA(holding({ '00080080': a }))).toBe(false)
    expect(isA(holding({ '00080070': a, '00080201': line('00080201', '+0100') }))).toBe(true)
    expect(seen).toHaveLength(4)
  })

  it('forgets, and does not remember what is long', () => {
    let made = 0
    const test = partTest([key], () => ++made > 0)
    for (let at = 0; at < 1000; at++) test(holding({ '00080070': line('00080070', String(at)) }))
    expect(made).toBe(1000)
    const long = holding({ '00080070': line('00080070', 'x'.repeat(2000)) })
    test(long)
    test(long)
    expect(made).toBe(1002)
  })
})
