/** What there is to ask of an archive: every value that some instance has, with its path. */
import type { DataElement, DataSet, PersonName, Tag, Value, Vr } from '../../src/dicom/data-set.ts'
import type { Stored } from './archive.ts'
import { isPrivate } from './private-keys.ts'

export interface Fact {
  readonly path: readonly Tag[]
  readonly vr: Vr
  readonly text: string
  /** Of each step that is a private element: who owns its block. */
  readonly creators: readonly (string | null)[]
}

export function factsOf(archive: readonly Stored[]): readonly Fact[] {
  const found = new Map<string, Fact>()
  const walk = (dataSet: DataSet, before: Pick<Fact, 'path' | 'creators'>): void => {
    for (const [tag, element] of Object.entries(dataSet)) {
      const path = [...before.path, tag]
      const creators = [...before.creators, isPrivate(tag) ? (creatorOf(dataSet, tag) ?? null) : null]
      if (element.vr === 'SQ')
        for (const item of element.Value ?? []) walk((item ?? {}) as DataSet, { path, creators })
      for (const text of textsOf(element)) {
        const fact: Fact = { path, vr: element.vr, text, creators }
        found.set(JSON.stringify(fact), fact)
      }
    }
  }
  for (const { dataSet } of archive) walk(dataSet, { path: [], creators: [] })
  return [...found.values()]
}

function creatorOf(dataSet: DataSet, tag: Tag): string | undefined {
  const creator = dataSet[`${tag.slice(0, 4)}00${tag.slice(4, 6)}`]?.Value?.[0]
  return typeof creator === 'string' ? creator : undefined
}

function textsOf({ vr, Value }: DataElement): string[] {
  if (vr === 'SQ') return []
  const texts = (Value ?? []).flatMap((value) => (value === null ? [] : [textOf(value)]))
  // What does not fit into a URL cannot be asked for.
  return texts.filter((text) => text.length < 2000)
}

function textOf(value: Exclude<Value, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as PersonName
  return [Alphabetic, Ideographic, Phonetic].join('=').replace(/=+$/u, '')
}
