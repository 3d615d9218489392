import fc from 'fast-check'
import { createSplitter } from '../../src/http/multipart.ts'

interface Part {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly whole: boolean
}

/** The parts of a body that arrives cut at the sizes given (the last piece takes the rest). */
function split(body: Buffer | string, boundary = 'B', sizes: readonly number[] = [], maxParts = 100) {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  const parts: { headers: Record<string, string>; pieces: Buffer[]; whole: boolean }[] = []
  const splitter = createSplitter(
    boundary,
    {
      begin: (headers) => void parts.push({ headers: Object.fromEntries(headers), pieces: [], whole: false }),
      data: (piece) => void parts.at(-1)!.pieces.push(piece),
      end: () => {
        parts.at(-1)!.whole = true
      },
    },
    { maxParts },
  )
  let at = 0
  for (const size of sizes) {
    splitter.push(bytes.subarray(at, at + size))
    at += size
  }
  splitter.push(bytes.subarray(at))
  const end = splitter.finish()
  return {
    end,
    parts: parts.map(({ headers, pieces, whole }): Part => ({
      headers,
      body: Buffer.concat(pieces).toString('latin1'),
      whole,
    })),
  }
}

const bodies = (text: string, boundary?: string) => split(text, boundary).parts.map((part) => part.body)

describe('the multipart splitter', () => {
  it('reads what the JavaScript client sends: an empty line first, no line end last', () => {
    expect(split('\r\n--B\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--B--')).toEqual({
      end: 'whole',
      parts: [{ headers: { 'content-type': 'application/dicom' }, body: 'DICM', whole: true }],
    })
  })

  it('skips preamble and epilogue, and a boundary inside a preamble line', () => {
    expect(
      bodies('see --B\r\nfor more\r\n--B\r\n\r\none\r\n--B--\r\nand --B\r\n\r\nno part\r\n--B--'),
    ).toEqual(['one'])
  })

  it('reads bodies whose lines end with LF alone, and keeps CR before that LF as data', () => {
    expect(bodies('--B\nContent-Type: a/b\n\none\r\n--B\n\ntwo\n--B--\n')).toEqual(['one\r', 'two'])
  })

  it('takes a bare LF before the boundary as data where the body has CRLF', () => {
    expect(bodies('--B\r\n\r\none\n--B\r\n\r\ntwo\r\n--B--')).toEqual(['one\n--B\r\n\r\ntwo'])
  })

  it('takes a longer word that begins with the boundary as data', () => {
    expect(bodies('--B\r\n\r\n\r\n--Bx\r\n--B-\r\n--B--')).toEqual(['\r\n--Bx\r\n--B-'])
  })

  it('allows blanks behind a delimiter', () => {
    expect(bodies('--B \t\r\n\r\none\r\n--B  \r\n\r\ntwo\r\n--B-- \r\n')).toEqual(['one', 'two'])
  })

  it('tells a part that the transport cut from a whole one', () => {
    for (const tail of ['', '\r', '\r\n--', '\r\n--B', '\r\n--B-']) {
      const { end, parts } = split(`--B\r\n\r\none\r\n--B\r\n\r\ntwo${tail}`)
      expect({ end, whole: parts.map((part) => part.whole) }).toEqual({ end: 'cut', whole: [true, false] })
    }
  })

  it('gives empty parts, with and without headers, and none for an empty body', () => {
    expect(bodies('--B\r\n\r\n\r\n--B\r\nA: b\r\n\r\n\r\n--B--')).toEqual(['', ''])
    expect(bodies('--B\r\nA: b\r\n\r\n--B\r\n\r\n--B--')).toEqual(['', ''])
    expect(split('--B--')).toEqual({ end: 'whole', parts: [] })
    expect(split('')).toEqual({ end: 'none', parts: [] })
    expect(split('--C\r\n\r\none\r\n--C--\r\n--')).toEqual({ end: 'none', parts: [] })
    expect(split('--B\r\nA: b')).toEqual({ end: 'cut', parts: [] })
  })

  it('folds continued header lines and keeps the first of two headers', () => {
    const { parts } = split('--B\r\nContent-Type: a/b;\r\n\tc=d\r\ncontent-type: x/y\r\nX:\r\n\r\n\r\n--B--')
    expect(parts[0]?.headers).toEqual({ 'content-type': 'a/b; c=d', x: '' })
  })

  it('takes boundaries of 70 characters and of every character that RFC 2046 allows', () => {
    const boundary = "0'()+_,-./:=?aZ".padEnd(70, '9')
    expect(bodies(`--${boundary}\r\n\r\none\r\n--${boundary}--`, boundary)).toEqual(['one'])
  })

  it('gives up on headers without end, on lines that are no headers, and on too many parts', () => {
    expect(() => split(`--B\r\nX: ${'x'.repeat(9000)}`)).toThrow('longer than 8192 bytes')
    expect(() => split('--B\r\nno header\r\n\r\none\r\n--B--')).toThrow('no header')
    expect(() => split('--B\r\n\r\n\r\n'.repeat(4), 'B', [], 3)).toThrow('More than 3 parts')
  })

  const hostile = fc
    .array(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        '-',
        '--',
        '--B',
        '\r\n--B',
        '\n--B',
        '\r\n--',
        'B',
        ' ',
        'x',
        '\0',
      ),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join(''))
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 })

  it('gives the same parts however the body is cut, also a hostile one', () => {
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 4 }), sizes, (preamble, contents, cuts) => {
        const body =
          preamble + contents.map((content) => `\r\n--B\r\nA: b\r\n\r\n${content}`).join('') + '\r\n--B--'
        const outcome = (cutAt: readonly number[]) => {
          try {
            return split(body, 'B', cutAt)
          } catch (error) {
            return String(error)
          }
        }
        expect(outcome(cuts)).toEqual(outcome([]))
        expect(outcome(Array.from({ length: body.length }, () => 1))).toEqual(outcome([]))
      }),
    )
  })

  it('gives back bit for bit what was wrapped, in CRLF and in LF', () => {
    const boundary = 'Zz9'
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
        fc.constantFrom('\r\n', '\n'),
        sizes,
        (contents, eol, cuts) => {
          const pieces = contents.flatMap((content) => [
            Buffer.from(`--${boundary}${eol}${eol}`),
            content,
            Buffer.from(eol),
          ])
          const body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--`)])
          const { end, parts } = split(body, boundary, cuts)
          expect(end).toBe('whole')
          expect(parts.map((part) => part.body)).toEqual(
            contents.map((content) => Buffer.from(content).toString('latin1')),
          )
        },
      ),
    )
  })

  it('hands on views of the chunks, not copies', () => {
    const chunk = Buffer.from(`--B\r\n\r\n${'x'.repeat(1000)}\r\n--B--`)
    let seen: Buffer | undefined
    createSplitter(
      'B',
      { begin: () => undefined, data: (bytes) => void (seen = bytes), end: () => undefined },
      { maxParts: 1 },
    ).push(chunk)
    expect(seen?.buffer).toBe(chunk.buffer)
  })
})
