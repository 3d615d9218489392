/**
 * Imports a corpus of real files and checks every promise on it: each file has an outcome, nothing answers 5xx, originals
 * are bit for bit, what is not stored is shown beside what pydicom and dcmdump say, and two archives agree outcome by outcome.
 *
 *   npm run test:corpus -- DIR                       SQLite and a folder
 *   npm run test:corpus -- DIR --database postgres://… --blobs s3://bucket     and these too, compared
 *   npm run test:corpus -- DIR --fhir http://…/fhir  one ImagingStudy a study with exact counts, killed on the way
 *
 * DIR has a manifest.tsv with columns path, sha256, study_uid, series_uid, sop_uid, patient_id. Exit status: 0 all held, 1
 * not, 2 could not be tried.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { Command } from 'commander'
import { attentionFaults, fhirFaults, originalFaults } from './corpus/checks.ts'
import { readTable, type ManifestRow } from './corpus/manifest.ts'
import { secondOpinions } from './corpus/opinions.ts'
import { freePort, runToEnd, startService } from './running-service.ts'

interface Options {
  readonly database?: string
  readonly blobs?: string
  readonly fhir?: string
}

interface Archive {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
}

/** Outcome, reason and comment of each file of the manifest, by path. */
type Outcomes = ReadonlyMap<
  string,
  { readonly outcome: string; readonly reason: string; readonly comment: string }
>

async function main(corpus: string, options: Options): Promise<number> {
  const manifest = readTable(await readFile(join(corpus, 'manifest.tsv'), 'utf8'))
  const folder = await mkdtemp(join(tmpdir(), 'concord-corpus-'))
  try {
    const archives: Archive[] = [{ name: 'SQLite and a folder', env: { DATA_DIR: join(folder, 'embedded') } }]
    if (options.database !== undefined && options.blobs !== undefined) {
      const env = {
        DATA_DIR: join(folder, 'served'),
        DATABASE_URL: options.database,
        BLOB_URL: options.blobs,
      }
      archives.push({ name: 'PostgreSQL and S3', env })
    }
    const faults: string[] = []
    const all: Outcomes[] = []
    for (const archive of archives) all.push(await importInto(archive, corpus, manifest, options, faults))
    const [first = new Map<string, never>(), second] = all
    if (second !== undefined) faults.push(...differences(first, second))
    faults.push(...(await showOthers(corpus, manifest, first)))
    for (const fault of faults) say(`NOT AS PROMISED: ${fault}`)
    say(`${manifest.length} files, ${archives.length} archives, ${faults.length} faults`)
    return faults.length === 0 ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function importInto(
  archive: Archive,
  corpus: string,
  manifest: readonly ManifestRow[],
  options: Options,
  faults: string[],
): Promise<Outcomes> {
  say(`\n${archive.name}`)
  const isTold = options.fhir !== undefined && archive.name.startsWith('SQLite')
  const port = await freePort()
  const report = join(tmpdir(), `concord-corpus-${process.pid}.tsv`)
  const env = {
    ...archive.env,
    PORT: String(port),
    LOG_LEVEL: 'error',
    ...(isTold && { FHIR_URL: options.fhir, FHIR_QUIET_MS: '200', FHIR_MAX_WAIT_MS: '1000' }),
  }
  let service = await startService(env)
  try {
    const base = `http://127.0.0.1:${port}`
    say(`importing ${manifest.length} files`)
    const imported = await runToEnd('scripts/import.ts', [corpus, '--report', report], env)
    say(imported.output.trimEnd())
    const outcomes = await readOutcomes(corpus, report)
    if (imported.status === 2) faults.push(`${archive.name}: the import could not be done`)
    for (const { path } of manifest) {
      if ((outcomes.get(path)?.outcome ?? '') === '') faults.push(`${archive.name}: ${path} has no outcome`)
    }
    say('asking for every original')
    const stored = manifest.filter(({ path }) => outcomes.get(path)?.outcome === 'stored')
    faults.push(...(await originalFaults(base, stored)))
    if (isTold) {
      say('kill -9, and started again, while studies are owed to the FHIR server')
      await service.kill()
      service = await startService(env)
      faults.push(...(await fhirFaults(base, options.fhir)))
    }
    faults.push(...(await attentionFaults(base, manifest, outcomes)))
    return outcomes
  } finally {
    await service.stop()
    await rm(report, { force: true })
  }
}

async function readOutcomes(corpus: string, report: string): Promise<Outcomes> {
  const [, ...lines] = (await readFile(report, 'utf8')).trimEnd().split('\n')
  return new Map(
    lines.map((line) => {
      const [path = '', outcome = '', reason = '', comment = ''] = line.split('\t')
      return [relative(corpus, path), { outcome, reason, comment }] as const
    }),
  )
}

function differences(first: Outcomes, second: Outcomes): string[] {
  return [...first].flatMap(([path, one]) => {
    const other = second.get(path)
    if (one.outcome === other?.outcome && one.reason === other.reason) return []
    return [
      `${path}: ${one.outcome} ${one.reason} in one archive, ${other?.outcome ?? '-'} ${other?.reason ?? ''} in the other`,
    ]
  })
}

/** Every file that could be DICOM and is not in the archive, or of which another copy is, with what two other readers say. */
async function showOthers(
  corpus: string,
  manifest: readonly ManifestRow[],
  outcomes: Outcomes,
): Promise<string[]> {
  const others = [...outcomes].filter(
    ([path, { outcome }]) => outcome !== 'stored' && !/(?:tsv|json|md)$/.test(path),
  )
  const opinions = await secondOpinions(others.map(([path]) => join(corpus, path)))
  if (opinions === null)
    say('\nskipped: neither pydicom nor dcmdump is here to give a second opinion on what is not stored')
  else say('\nNot stored, and what pydicom and dcmdump say:')
  const uids = new Map(manifest.map(({ path, sop_uid }) => [path, sop_uid]))
  const stored = new Set(
    [...outcomes].filter(([, { outcome }]) => outcome === 'stored').map(([path]) => uids.get(path)),
  )
  const faults: string[] = []
  for (const [path, { outcome, reason, comment }] of others) {
    const opinion = opinions?.get(join(corpus, path))
    say(
      `  ${outcome} ${reason}  ${path}\n        Concord: ${comment}\n        pydicom: ${opinion?.pydicom ?? '-'}\n        dcmdump: ${opinion?.dcmdump ?? '-'}`,
    )
    // A file that both read whole, with all four UIDs in it, must not be refused; of a copy there is the first.
    if (outcome === 'refused' && opinion?.isWhole === true)
      faults.push(`${path} is refused, and two others read it whole`)
    const uid = uids.get(path) ?? ''
    if (outcome !== 'refused' && uid !== '' && !stored.has(uid))
      faults.push(`${path} is ${outcome}, and no other file with its UID is stored`)
  }
  return faults
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const program = new Command('corpus')
  .description('Imports a corpus of real files and checks every promise on it.')
  .argument('<dir>', 'the corpus, with manifest.tsv')
  .option('--database <url>', 'a second archive: its DATABASE_URL')
  .option('--blobs <url>', 'and its BLOB_URL')
  .option('--fhir <url>', 'an empty FHIR server to be told of the first archive')
  // Not understood is not done.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(resolve(program.args[0] ?? '.'), program.opts())
} catch (error) {
  say(`corpus: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 2
}
