import type { InstanceUids, Uid } from '../../dicom/data-set.ts'
import type { Json, JsonObject, Resource } from '../ports.ts'
import { isList, isObject, prunedObject } from './canonical.ts'
import { ownSystem, ownTag } from './identifiers.ts'
import type { MappingSettings } from './settings.ts'
import { plain } from './values.ts'

/** One original file, as a Provenance cites it. */
export interface Origin {
  /** Row of the instance: origins are told in this order. */
  readonly id: number
  readonly uids: InstanceUids
  readonly TransferSyntaxUID: Uid
  /** Lower-case hexadecimal. */
  readonly fileSha256: string
  readonly size: number
  readonly sender: string | null
  readonly receivedAt: Date
  /** `source`: the study is made of it. `revision`: it was, and an instance of the study replaces it. */
  readonly role: 'source' | 'revision'
}

/** What one Provenance tells. The same facts give the same bytes, whenever they are told. */
export interface ProvenanceFacts {
  readonly study: Uid
  /** Number of the push that tells it. */
  readonly push: string
  readonly recordedAt: Date
  /** Nothing of the study was told before. */
  readonly isFirst: boolean
  readonly origins: readonly Origin[]
  /** Of the list of origins at {@link manifestUrl}: told instead of the origins where there are too many. */
  readonly manifest: { readonly sha256: string; readonly size: number } | null
}

/** Ids of the resources that it refers to. */
export interface ProvenanceContext {
  readonly studyId: string
  readonly deviceId: string
}

/** Beyond so many originals a Provenance cites a list of them instead: each takes some 700 bytes. */
export const CITED = 200
/** Senders that are named as agents. */
const SENDERS = 20

const SHA256_URI = 'ni:///sha-256;'
const LISTED = ' DICOM instances, each with its SHA-256'
const OPERATION = 'http://terminology.hl7.org/CodeSystem/v3-DataOperation'
const PARTICIPANT = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type'

/** System of the tag by which a Provenance is found: it has no identifier. */
export function provenanceToken(archiveId: string, push: string): string {
  return `${ownSystem(archiveId, 'push')}|${push}`
}

/** Address of the list of origins of one push. */
export function manifestUrl({ lineageUrl }: MappingSettings, study: Uid, push: string): string {
  return `${lineageUrl}/studies/${study}/pushes/${push}`
}

/**
 * The Provenance of an ImagingStudy: of which files it was made, by SHA-256, and who sent them when. Its references name
 * no versions: servers do not keep them (HAPI), and what a push made is told by `/lineage`.
 */
export function provenance(
  facts: ProvenanceFacts,
  context: ProvenanceContext,
  settings: MappingSettings,
): Resource {
  const { origins, manifest } = facts
  const documents = manifest
    ? [{ document: manifestDocument(facts, manifest, settings), role: 'source' }]
    : origins.map((origin, at) => ({
        document: originDocument(origin, `o${at + 1}`, settings),
        role: origin.role,
      }))
  const times = origins.map(({ receivedAt }) => receivedAt.getTime())
  const operation = facts.isFirst && origins.every(({ role }) => role === 'source') ? 'CREATE' : 'UPDATE'
  return {
    resourceType: 'Provenance',
    ...prunedObject({
      meta: {
        tag: [
          ownTag(settings.archiveId),
          { system: ownSystem(settings.archiveId, 'push'), code: facts.push },
        ],
      },
      contained: documents.map(({ document }) => document),
      target: [{ reference: `ImagingStudy/${context.studyId}` }],
      occurredPeriod: {
        start: new Date(times.reduce((a, b) => Math.min(a, b))).toISOString(),
        end: new Date(times.reduce((a, b) => Math.max(a, b))).toISOString(),
      },
      recorded: facts.recordedAt.toISOString(),
      activity: { coding: [{ system: OPERATION, code: operation, display: operation.toLowerCase() }] },
      agent: [
        agent('assembler', { reference: `Device/${context.deviceId}`, display: 'Concord' }),
        ...sendersOf(origins).map((sender) => agent('enterer', senderReference(sender, settings))),
      ],
      entity: documents.map(({ document, role }) => ({ role, what: { reference: `#${document.id}` } })),
    }),
  }
}

function agent(code: string, who: JsonObject): JsonObject {
  return { type: { coding: [{ system: PARTICIPANT, code }] }, who }
}

function sendersOf(origins: readonly Origin[]): string[] {
  const senders = new Set(origins.map(senderOf).filter((sender) => sender !== ''))
  return [...senders].sort().slice(0, SENDERS)
}

/** As FHIR can say it: an AE title is what a device wrote there. `''` where nothing is left of it. */
const senderOf = ({ sender }: Origin): string => plain(sender ?? '')

/** Name of a token or an AE title: whether a person or a device is behind it is not known here. */
function senderReference(sender: string, { archiveId }: MappingSettings): JsonObject {
  return { identifier: { system: ownSystem(archiveId, 'sender'), value: sender }, display: sender }
}

type Document = JsonObject & { readonly id: string }

/** The file as a DocumentReference: `Reference.reference` of an entity may only point to FHIR resources. */
function originDocument(origin: Origin, id: string, settings: MappingSettings): Document {
  const { uids, receivedAt } = origin
  const sender = senderOf(origin)
  const url = `${settings.dicomwebUrl}/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}/original`
  return {
    ...documentHead(id, settings, {
      own: { system: 'urn:dicom:uid', value: `urn:oid:${uids.instance}` },
      sha256: origin.fileSha256,
    }),
    date: receivedAt.toISOString(),
    ...(sender !== '' && { author: [senderReference(sender, settings)] }),
    content: [
      {
        attachment: {
          contentType: `application/dicom; transfer-syntax=${origin.TransferSyntaxUID}`,
          url,
          size: attachmentSize(origin.size, settings),
          creation: receivedAt.toISOString(),
        },
      },
    ],
  }
}

function manifestDocument(
  { study, push, origins }: ProvenanceFacts,
  manifest: { readonly sha256: string; readonly size: number },
  settings: MappingSettings,
): Document {
  return {
    ...documentHead('manifest', settings, { own: null, sha256: manifest.sha256 }),
    description: `${origins.length}${LISTED}`,
    content: [
      {
        attachment: {
          contentType: 'application/json',
          url: manifestUrl(settings, study, push),
          size: attachmentSize(manifest.size, settings),
        },
      },
    ],
  }
}

interface Names {
  readonly own: JsonObject | null
  readonly sha256: string
}

/** R5 has no masterIdentifier: all identifiers are alike there. */
function documentHead(id: string, { release }: MappingSettings, { own, sha256 }: Names): Document {
  const hash = { system: 'urn:ietf:rfc:3986', value: sha256Uri(sha256) }
  const names =
    own === null
      ? { identifier: [hash] }
      : release === 'R5'
        ? { identifier: [own, hash] }
        : { masterIdentifier: own, identifier: [hash] }
  return { resourceType: 'DocumentReference', id, ...names, status: 'current' }
}

/** `ni:` URI of a digest (RFC 6920 §3). R4's `Attachment.hash` is SHA-1 by definition, so SHA-256 is an identifier. */
function sha256Uri(sha256: string): string {
  return `${SHA256_URI}${Buffer.from(sha256, 'hex').toString('base64url')}`
}

/** How many originals a Provenance of ours cites by a list; null where it cites them one by one. */
export function listedCount({ contained }: Resource): number | null {
  const [{ description } = {}] = objects(contained)
  if (typeof description !== 'string' || !description.endsWith(LISTED)) return null
  const count = Number(description.slice(0, -LISTED.length))
  return Number.isSafeInteger(count) && count > 0 ? count : null
}

/** Number of the push that a Provenance of ours tells; null for one that is not ours. */
export function pushOf({ meta }: Resource, archiveId: string): string | null {
  const tags = isObject(meta) ? objects(meta['tag']) : []
  const code = tags.find(({ system }) => system === ownSystem(archiveId, 'push'))?.['code']
  return typeof code === 'string' ? code : null
}

/** SHA-256 of the files that a Provenance of ours cites, in lower-case hexadecimal. */
export function citedDigests({ contained }: Resource): string[] {
  return objects(contained)
    .flatMap(({ identifier }) => objects(identifier))
    .flatMap(({ value }) =>
      typeof value === 'string' && value.startsWith(SHA256_URI)
        ? [Buffer.from(value.slice(SHA256_URI.length), 'base64url').toString('hex')]
        : [],
    )
}

function objects(value: Json | undefined): JsonObject[] {
  return isList(value) ? value.filter((item) => isObject(item)) : []
}

/** R4: unsignedInt, left out where it is too small for the file. R5: integer64, which JSON has as a string. */
function attachmentSize(size: number, { release }: MappingSettings): number | string | undefined {
  if (release === 'R5') return String(size)
  return size <= 2147483647 ? size : undefined
}
