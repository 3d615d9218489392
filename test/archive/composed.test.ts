import {
  completionBlob,
  composedBlob,
  readCompletion,
  readComposition,
  sha256Of,
} from '../../src/archive/composed.ts'

const PLACE = { store: 'folder', key: 'own' }
const OWN = Buffer.from('new bytes')
const COMPOSITION = {
  ...{ correction: 'c-1', source: '1.2.3', size: 24, sha256: sha256Of(OWN) },
  pieces: [
    { offset: 0, length: OWN.length },
    { store: 'folder', key: 'original', offset: 100, length: 15 },
  ],
}

/** Every blob that differs in one byte. */
function* spoilt(blob: Buffer): Generator<Buffer> {
  for (let at = 0; at < blob.length; at++) {
    const copy = Buffer.from(blob)
    copy[at] = (copy[at] ?? 0) ^ 0x15
    yield copy
  }
}

describe('what corrections keep beside files', () => {
  it('is told from the bytes: pieces with their places, and the word that all was made', () => {
    const blob = composedBlob(COMPOSITION, OWN)
    const own = { ...PLACE, offset: blob.length - OWN.length, length: OWN.length }
    expect(readComposition(blob, PLACE)).toEqual({
      composition: COMPOSITION,
      extents: [own, COMPOSITION.pieces[1]],
    })
    expect(readCompletion(completionBlob('c-1'))).toBe('c-1')
    expect([readCompletion(blob), readComposition(completionBlob('c-1'), PLACE)]).toEqual([null, null])
  })

  it('is nothing where its head is spoilt, cut or endless, and never ends who reads it', () => {
    const [composed, completion] = [composedBlob(COMPOSITION, OWN), completionBlob('c-1')]
    for (const bytes of [...spoilt(composed), ...spoilt(completion)]) {
      expect(() => [readComposition(bytes, PLACE), readCompletion(bytes)]).not.toThrow()
    }
    for (let size = 0; size < composed.length - OWN.length; size++)
      expect(readComposition(composed.subarray(0, size), PLACE)).toBeNull()
    for (let size = 0; size < completion.length; size++)
      expect(readCompletion(completion.subarray(0, size))).toBeNull()
    for (const line of ['null', '7', '{"pieces":7}', '{"correction":7,"pieces":[]}', '{"pieces":[null]}'])
      expect(readComposition(Buffer.from(`concord-composed 1\n${line}\n`), PLACE)).toBeNull()
  })
})
