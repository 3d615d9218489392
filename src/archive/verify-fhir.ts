import type { FhirLink } from '../database/ports/fhir-state.ts'
import type { Finding } from '../database/ports/inspection.ts'
import { isList, isObject } from '../fhir/mapping/canonical.ts'
import { studyToken } from '../fhir/mapping/identifiers.ts'
import type { FhirServer, Resource } from '../fhir/ports.ts'
import type { KeptArchive } from './archive.ts'
import { inOrder } from './in-order.ts'
import type { Tally, VerifyOptions } from './verify.ts'

const PAGE = 100
const AT_ONCE = 4

/** Whether the resource of each study is on the FHIR server and lists what the index has; studies that are owed are not asked for. */
export async function* checkFhir(
  archive: KeptArchive,
  { fhir: server, progress }: VerifyOptions,
  tally: Tally,
): AsyncGenerator<Finding> {
  if (server === undefined) return
  const { outbox } = archive.database
  const { rows } = await outbox.owed((await outbox.owed(0)).studies)
  const owed = new Set(rows.map(({ study }) => study))
  for await (const found of inOrder(studyLinks(archive), AT_ONCE, async (link) => {
    progress?.tick(1)
    if (owed.has(link.key)) return []
    tally.fhir++
    return checkStudy(archive, server, link)
  }))
    yield* found
}

async function* studyLinks({ database }: KeptArchive): AsyncGenerator<FhirLink> {
  for (let after: string | null = null, more = true; more;) {
    const links: readonly FhirLink[] = await database.fhir.links('study', after, PAGE)
    yield* links
    after = links.at(-1)?.key ?? after
    more = links.length === PAGE
  }
}

async function checkStudy(archive: KeptArchive, server: FhirServer, link: FhirLink): Promise<Finding[]> {
  const study = link.key
  const finding = (what: string): Finding => ({ check: 'fhir', what: `study ${study}: ${what}`, study })
  // A link may hold no more than a flag: nothing was written yet.
  if (link.id === '') return []
  const stored = await server.read(link.resourceType, link.id)
  if (stored === null) return [finding(`${link.resourceType}/${link.id} is not on the FHIR server`)]
  const series = await instancesBySeries(archive, study)
  const findings = countDifferences(stored.resource, series).map(finding)
  const same = await server.search(link.resourceType, { identifier: studyToken(study), _count: '5' })
  const others = same.filter(
    ({ id, resource }) => id !== link.id && resource['status'] !== 'entered-in-error',
  )
  if (others.length > 0)
    findings.push(finding(`${others.map(({ id }) => `${link.resourceType}/${id}`).join(', ')} is of it too`))
  return findings
}

async function instancesBySeries(
  { database }: KeptArchive,
  study: string,
): Promise<Map<string, Set<string>>> {
  const series = new Map<string, Set<string>>()
  for await (const page of database.index.instances({ study })) {
    for (const { uids } of page) {
      const known = series.get(uids.series)
      if (known === undefined) series.set(uids.series, new Set([uids.instance]))
      else known.add(uids.instance)
    }
  }
  return series
}

function countDifferences(resource: Resource, series: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const instances = [...series.values()].reduce((sum, uids) => sum + uids.size, 0)
  const words: string[] = []
  const compare = (name: string, count: number): void => {
    const says = resource[name]
    if (says !== count) words.push(`${name} is ${JSON.stringify(says ?? null)} instead of ${count}`)
  }
  compare('numberOfSeries', series.size)
  compare('numberOfInstances', instances)
  const listed = isList(resource['series']) ? resource['series'].filter((one) => isObject(one)) : []
  for (const [uid, uids] of series) {
    const one = listed.find((candidate) => candidate['uid'] === uid)
    if (one === undefined) words.push(`series ${uid} is not listed`)
    else if (one['numberOfInstances'] !== uids.size)
      words.push(`series ${uid} is listed with another number of instances than ${uids.size}`)
  }
  return words
}
