/**
 * Prints one ImagingStudy of each modality among files: as it is pushed, with its references found on a stand-in FHIR
 * server, and looked at by the validators of the tests, with all that it refers to and that refers to it.
 *
 *   npm run imaging-studies -- FILE|DIR …
 *   npm run imaging-studies -- DIR --faults     says what is wrong with each, and prints none
 *   npm run imaging-studies -- DIR --release R5
 *
 * Exit status: 0 all are valid, 1 not, 2 it could not be done.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { faultsInR4, faultsInR5 } from '../test/fhir/validators.ts'
import { studyToken } from '../src/fhir/mapping/identifiers.ts'
import type { FhirServer, Resource } from '../src/fhir/ports.ts'
import { openArchiveService, type CorrectingService } from './correction/service.ts'
import { oneOfEach, studiesIn, type StudyFiles } from './correction/studies.ts'
import { startFhirStandIn } from './stand-ins/fhir-server.ts'

interface Options {
  readonly faults: boolean
  readonly release: 'R4' | 'R5'
}

async function main(paths: readonly string[], options: Options): Promise<number> {
  const studies = oneOfEach(await studiesIn(paths))
  if (studies.length === 0) throw new Error('there is no DICOM instance under these paths')
  const folder = await mkdtemp(join(tmpdir(), 'concord-imaging-studies-'))
  const { release } = options
  const faultsIn = release === 'R5' ? faultsInR5 : faultsInR4
  const standIn = await startFhirStandIn({ release })
  const service = await openArchiveService(join(folder, 'data'), standIn.url, { FHIR_VERSION: release })
  let [resources, faults] = [0, 0]
  try {
    for (const study of studies) await service.store(study)
    await service.settled()
    for (const study of studies) {
      const found = await resourcesOf(service, study)
      const [imagingStudy] = found
      say(`\n// ${[...study.modalities].sort().join(' ') || '(no modality)'}, ${found.length} resources`)
      if (!options.faults && imagingStudy !== undefined) say(JSON.stringify(imagingStudy, null, 2))
      const wrong = found.flatMap((one) => faultsIn(one).map((fault) => `${one.resourceType}: ${fault}`))
      for (const fault of wrong) say(`// NOT VALID: ${fault}`)
      resources += found.length
      faults += wrong.length + (imagingStudy === undefined ? 1 : 0)
    }
  } finally {
    await service.stop()
    await standIn.stop()
    await rm(folder, { recursive: true, force: true })
  }
  say(
    `\n// ${release}: ${studies.length} ImagingStudy resources, ${resources} resources with what belongs to them, ${faults} faults`,
  )
  return faults === 0 ? 0 : 1
}

/** The ImagingStudy of a study, then its Patient, Endpoint and Provenances, and the Device that made those. */
async function resourcesOf({ server }: CorrectingService, { study }: StudyFiles): Promise<Resource[]> {
  const [found] = await server.search('ImagingStudy', { identifier: studyToken(study) })
  if (found === undefined) return []
  const provenances = await server.search('Provenance', { target: `ImagingStudy/${found.id}` })
  const told = [found, ...provenances].map(({ resource }) => resource)
  return [...told, ...(await referredTo(server, told))]
}

async function referredTo(server: FhirServer, resources: readonly Resource[]): Promise<Resource[]> {
  const text = JSON.stringify(resources)
  const references = new Set(
    [...text.matchAll(/"reference":"([A-Z]\w+\/[\w.-]+)"/gu)].map(([, one = '']) => one),
  )
  const all = await Promise.all(
    [...references].map(async (reference) => {
      const [type = '', id = ''] = reference.split('/')
      return type === 'ImagingStudy' ? null : server.read(type, id)
    }),
  )
  return all.flatMap((stored) => (stored === null ? [] : [stored.resource]))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const program = new Command('imaging-studies')
  .description('Prints one ImagingStudy of each modality among files, validated.')
  .argument('<path...>', 'files and folders')
  .option('--faults', 'print what is wrong with each alone', false)
  .addOption(new Option('--release <release>', 'of FHIR').choices(['R4', 'R5']).default('R4'))
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.args, program.opts())
} catch (error) {
  say(`imaging-studies: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 2
}
