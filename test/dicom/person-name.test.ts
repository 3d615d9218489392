import { foldPersonName, NAME_DELIMITERS, personNameWords } from '../../src/dicom/person-name.ts'

it('takes words apart at the characters that are named as delimiters, and at no others', () => {
  const characters = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code))
  const isBetween = (character: string): boolean => personNameWords(`A${character}B`).length === 2
  // What is folded to something else does not stand in a folded name.
  const isFolded = (character: string): boolean => foldPersonName(`A${character}B`) === `A${character}B`
  expect(characters.filter(isFolded).filter(isBetween).sort()).toEqual([' ', ...NAME_DELIMITERS].sort())
})
