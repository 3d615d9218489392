/**
 * Corrects the patient of real studies, end to end, and proves what is promised of it: the originals are there bit for bit,
 * the new instances have their pixels, other readers take them, and the FHIR server is told.
 *
 *   npm run test:correction -- FILE|DIR …                  with a stand-in FHIR server
 *   npm run test:correction -- DIR --fhir http://…/fhir    with a real one
 *   npm run test:correction -- DIR --each-modality         one study of each modality, the smallest
 *
 * Where dcmdump, pydicom and dciodvfy (Debian: dcmtk, python3-pydicom, dicom3tools) are installed each file is read by
 * them before and after. Exit status: 0 all held, 1 not, 2 could not be tried.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { openArchiveService, type CorrectingService } from './correction/service.ts'
import { proveFile } from './correction/proof.ts'
import { oneOfEach, studiesIn, type StudyFiles } from './correction/studies.ts'
import { toldFaults } from './correction/told.ts'
import { startFhirStandIn } from './stand-ins/fhir-server.ts'

interface Options {
  readonly fhir?: string
  readonly eachModality: boolean
  readonly json: boolean
}

const RIGHT = { PatientName: 'Corrected^Name', PatientID: 'CORRECTED-1' }

async function main(paths: readonly string[], options: Options): Promise<number> {
  const all = await studiesIn(paths)
  const studies = options.eachModality ? oneOfEach(all) : all
  if (studies.length === 0) throw new Error('there is no DICOM instance under these paths')
  const folder = await mkdtemp(join(tmpdir(), 'concord-correction-'))
  const standIn = options.fhir === undefined ? await startFhirStandIn() : null
  const service = await openArchiveService(join(folder, 'data'), options.fhir ?? standIn?.url ?? '')
  const faults: string[] = []
  const warnings = new Map<string, Set<string>>()
  try {
    for (const study of studies) {
      const found = await proveStudy(service, study, { folder, warnings, json: options.json })
      for (const fault of found) say(`   NOT AS PROMISED: ${fault}`)
      faults.push(...found)
    }
  } finally {
    await service.stop()
    await standIn?.stop()
    await rm(folder, { recursive: true, force: true })
  }
  say('\nWhat dciodvfy warns of in corrected files, and did not in their originals:')
  for (const [warning, modalities] of warnings) say(`  ${warning}   [${[...modalities].sort().join(' ')}]`)
  if (warnings.size === 0) say('  nothing')
  const on = options.fhir ?? 'the stand-in'
  say(`${studies.length} studies corrected, ${faults.length} faults; FHIR: ${on}`)
  return faults.length === 0 ? 0 : 1
}

interface Shown {
  readonly folder: string
  readonly warnings: Map<string, Set<string>>
  readonly json: boolean
}

/** Corrects one study; what is not as promised. */
async function proveStudy(service: CorrectingService, study: StudyFiles, shown: Shown): Promise<string[]> {
  const modalities = [...study.modalities].map((one) => one || '(none)').sort()
  say(`\n== ${modalities.join(' ')}: study ${study.study}, ${study.files.length} files, ${study.bytes} bytes`)
  const stored = await service.store(study)
  if (stored.length === 0) {
    say('   none of its files is stored: nothing to correct')
    return []
  }
  await service.settled()
  const before = await service.rows(study.study)
  say(`   QIDO before: ${before.length} instances, ${before.filter(isRight).length} with the right name`)
  const correction = await service.correct(study.study, RIGHT)
  say(`   correction ${correction.id}: ${correction.state}, ${correction.corrected} instances`)
  const after = await service.rows(study.study)
  say(`   QIDO after:  ${after.length} instances, ${after.filter(isRight).length} with the right name`)
  const faults: string[] = []
  if (correction.state !== 'done') return [`the correction is ${correction.state}`]
  const old = new Set(before.map(({ instance }) => instance))
  if (
    after.length !== before.length ||
    !after.every(isRight) ||
    after.some(({ instance }) => old.has(instance))
  )
    faults.push('QIDO does not show exactly one new instance for each that it showed')
  const checks = new Set<string>()
  const made = await service.madeOf(study.study)
  for (const file of stored.filter(({ uids }) => old.has(uids.instance))) {
    const uids = made.get(file.uids.instance)
    if (uids === undefined) {
      faults.push(`${file.path}: lineage shows nothing that was made of it`)
      continue
    }
    const proof = await proveFile(file, uids, (one) => service.original(one), shown.folder)
    for (const check of proof.checks) checks.add(check)
    faults.push(...proof.faults.map((fault) => `${file.path}: ${fault}`))
    for (const warning of proof.newWarnings)
      shown.warnings.set(warning, (shown.warnings.get(warning) ?? new Set()).union(study.modalities))
  }
  say(`   compared, file by file: ${[...checks].join(', ')}`)
  await service.settled()
  const told = await toldFaults(service, study.study, stored)
  for (const line of told.lines) say(`   ${line}`)
  if (shown.json) say(JSON.stringify(told.json, null, 2))
  return [...faults, ...told.faults]
}

function isRight({ name, id }: { readonly name: string; readonly id: string }): boolean {
  return name === RIGHT.PatientName && id === RIGHT.PatientID
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const program = new Command('correction-proof')
  .description('Corrects the patient of real studies, end to end, and proves what is promised of it.')
  .argument('<path...>', 'files and folders; originals are only read')
  .option('--fhir <url>', 'a FHIR R4 server to be told; else a stand-in')
  .option('--each-modality', 'only one study of each modality, the smallest', false)
  .option('--json', 'print lineage, ImagingStudy and Provenance of each study', false)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.args, program.opts())
} catch (error) {
  say(`correction-proof: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 2
}
