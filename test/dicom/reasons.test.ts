import { FAILURE, reasonMeaning, WARNING } from '../../src/dicom/reasons.ts'

describe('reasons of the Store response', () => {
  it('have meanings that fit into an Error Comment (LO, 64 characters) whole', () => {
    const meanings = [...Object.values(FAILURE), ...Object.values(WARNING)].map(({ meaning }) => meaning)
    expect(meanings.filter(({ length }) => length > 64)).toEqual([])
  })

  it('are explained by their class where the member is not ours', () => {
    expect(reasonMeaning(0xa7ff)).toBe('Refused: Out of resources')
    expect(reasonMeaning(0x9999)).toBeUndefined()
  })
})
