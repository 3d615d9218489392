/**
 * Imports a folder of DICOM files into a fresh archive and puts two questions to it over HTTP: all series of CT, and all
 * patients scanned on a Philips CT (and on that of every other maker that there is). The answers must be those that
 * pydicom gives from the files which were stored: what was refused, went into quarantine, or is there already does not
 * count.
 *
 *   npm run test:questions -- DIR
 *   npm run test:questions -- DIR --python /usr/bin/python3     the Python that has pydicom (Debian: python3-pydicom)
 *   npm run test:questions -- DIR --every-tag                   and a value of every element that there is, at any depth
 *
 * Exit status: 0 the same answers, 1 others, 2 it could not be tried.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { freePort, runToEnd, startService } from './running-service.ts'

type Pair = readonly [string, string]

interface Answers {
  readonly series: readonly Pair[]
  /** By maker. */
  readonly patients: Readonly<Record<string, readonly Pair[]>>
  /** Files that pydicom refuses, and why. */
  readonly unread: readonly Pair[]
}

/** Elements by their paths, a value of each, and the instances that have it. */
type Elements = readonly (readonly [key: string, value: string, wanted: readonly Pair[]])[]

interface Question {
  readonly query: string
  /** What tells the rows apart. */
  readonly tags: Pair
  readonly wanted: readonly Pair[]
}

/** Rows of one page. */
const PAGE = 1000

interface Options {
  readonly python: string
  readonly everyTag?: true
}

async function main(folder: string, { python, everyTag }: Options): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'concord-questions-'))
  const env = { DATA_DIR: scratch, DATABASE_URL: '', BLOB_URL: '', FHIR_URL: '', AUTH_TOKENS: '', HOST: '' }
  try {
    const stored = await importInto(env, resolve(folder), join(scratch, 'outcomes.tsv'))
    const answers = (await fromFiles(python, 'answers.py', stored)) as Answers
    const elements = everyTag ? ((await fromFiles(python, 'elements.py', stored)) as Elements) : []
    for (const [path, why] of answers.unread) say(`pydicom cannot read ${path} (${why})`)
    const questions = [...questionsOf(answers), ...elements.map(questionOf)]
    const faults = await put({ ...env, PORT: String(await freePort()) }, questions)
    for (const fault of faults) say(`NOT THE SAME: ${fault}`)
    const others = answers.unread.length
    say(`${stored.length} files stored, ${others} unreadable to pydicom, ${faults.length} differences`)
    return faults.length + others === 0 ? 0 : 1
  } finally {
    await rm(scratch, { recursive: true })
  }
}

/** Imports the folder; the files whose instances are in the archive now. */
async function importInto(
  env: Readonly<Record<string, string>>,
  folder: string,
  report: string,
): Promise<string[]> {
  const port = String(await freePort())
  const { status, output } = await runToEnd('scripts/import.ts', [folder, '--report', report], { ...env, PORT: port }) // prettier-ignore
  if (status !== 0 && status !== 1) throw new Error(`the import ended with ${status}:\n${output}`)
  const [, ...lines] = (await readFile(report, 'utf8')).trimEnd().split('\n')
  const counts = Map.groupBy(
    lines.map((line) => line.split('\t')),
    ([, outcome = '']) => outcome,
  )
  for (const [outcome, files] of counts) say(`${String(files.length).padStart(7)}  ${outcome}`)
  return (counts.get('stored') ?? []).map(([path = '']) => path)
}

/** What pydicom says. */
async function fromFiles(python: string, name: string, paths: readonly string[]): Promise<unknown> {
  const script = join(import.meta.dirname, 'questions', name)
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'close') as Promise<[number | null]>
  // What ends without reading breaks the pipe; its status and its complaints say why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(paths.map((path) => `${path}\n`).join(''))
  const [out, complaints, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (status !== 0) throw new Error(`${python} with pydicom is needed:\n${complaints}`)
  return JSON.parse(out)
}

function questionOf([key, value, wanted]: Elements[number]): Question {
  const query = `/instances?${encodeURIComponent(key)}=${encodeURIComponent(value)}`
  return { query, tags: ['0020000D', '00080018'], wanted }
}

function questionsOf({ series, patients }: Answers): Question[] {
  const ofPatients = Object.entries(patients).map(([maker, wanted]): Question => {
    const query = `/patients?Manufacturer=*${encodeURIComponent(maker)}*&Modality=CT`
    return { query, tags: ['00100020', '00100021'], wanted }
  })
  return [{ query: '/series?Modality=CT', tags: ['0020000D', '0020000E'], wanted: series }, ...ofPatients]
}

/** Puts the questions to the service; where it differs from the files. */
async function put(
  env: Readonly<Record<string, string>> & { readonly PORT: string },
  questions: readonly Question[],
): Promise<string[]> {
  const service = await startService(env)
  const faults: string[] = []
  try {
    for (const question of questions) {
      const found = await rowsOf(`http://127.0.0.1:${env.PORT}/dicomweb${question.query}`, question.tags)
      faults.push(...compared(question, found))
    }
  } finally {
    await service.stop()
  }
  return faults
}

/** The rows of a search, page by page. */
async function rowsOf(search: string, tags: Pair): Promise<Pair[]> {
  const found: Pair[] = []
  let url = `${search}&limit=${PAGE}`
  while (url !== '') {
    const answer = await fetch(url)
    if (answer.status !== 200) throw new Error(`${url} was answered with ${answer.status}`)
    const rows = (await answer.json()) as Record<string, { Value?: unknown[] } | undefined>[]
    const value = (row: (typeof rows)[number], tag: string): string => {
      const [first] = row[tag]?.Value ?? []
      return typeof first === 'string' ? first.trim() : ''
    }
    found.push(...rows.map((row): Pair => [value(row, tags[0]), value(row, tags[1])]))
    url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? ''
  }
  return found
}

/** Says how many there are; what only one side has. */
function compared({ query, wanted }: Question, found: readonly Pair[]): string[] {
  const left = wanted.map((pair) => JSON.stringify(pair))
  const extra = found
    .map((pair) => JSON.stringify(pair))
    .filter((pair) => {
      const at = left.indexOf(pair)
      if (at >= 0) left.splice(at, 1)
      return at < 0
    })
  say(`GET /dicomweb${query}: ${found.length} rows; pydicom over the stored files: ${wanted.length}`)
  return [
    ...extra.map((pair) => `${query} has ${pair}, the files have not`),
    ...left.map((pair) => `${query} has not ${pair}, the files have`),
  ]
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const program = new Command('questions')
  .description(
    'Puts two questions to an archive made of a folder, and compares the answers with those of pydicom.',
  )
  .argument('<folder>', 'DICOM files, of whatever kind')
  .option('--python <path>', 'a Python that has pydicom', 'python3')
  .option('--every-tag', 'asks for a value of every element, at any depth, too')
  // Not understood is not done.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
const [folder = ''] = program.args
try {
  process.exitCode = await main(folder, program.opts())
} catch (error) {
  say(`questions: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}
