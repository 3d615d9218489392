import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Real files of many makers; they lie beside the repository and are not part of it. */
export const CORPUS = join(import.meta.dirname, '../../../shared/corpus')
export const hasCorpus = existsSync(CORPUS)

/** `describe` where there is a corpus; elsewhere its tests are skipped. */
export const describeCorpus = hasCorpus ? describe : describe.skip
if (!hasCorpus) console.log('skipped: no corpus')

/** Every file of the corpus that may be DICOM, also the broken ones, relative to it; none where there is no corpus. */
export function corpusPaths(): string[] {
  // What is skipped is described all the same.
  if (!hasCorpus) return []
  return readdirSync(CORPUS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(tsv|json|md|txt)$/u.test(entry.name))
    .map((entry) => relative(CORPUS, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('expected'))
    .toSorted()
}

export function corpusFile(path: string): Buffer {
  return readFileSync(join(CORPUS, path))
}

/** The files for which `tool` gave its DICOM JSON, each once, with that JSON. */
export function expectedBy(tool: 'pydicom' | 'dcm2json'): { path: string; bytes: Buffer; json: unknown }[] {
  const names = new Set(readdirSync(join(CORPUS, 'expected')))
  const found = new Map<string, { path: string; bytes: Buffer; json: unknown }>()
  for (const path of corpusPaths()) {
    const bytes = corpusFile(path)
    const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.${tool}.json`
    if (!names.has(name) || found.has(name)) continue
    const json: unknown = JSON.parse(readFileSync(join(CORPUS, 'expected', name), 'utf8'))
    found.set(name, { path, bytes, json: Array.isArray(json) ? json[0] : json })
  }
  return [...found.values()]
}
