import { addArrived } from './add-rejected.ts'
import { addWithBytes } from './add-with-bytes.ts'
import { checkArchive } from './archive-stat.ts'
import { attentionCounts, attentionList, clear, quarantine, raise, resolve } from './attention.ts'
import {
  claimCorrection,
  correction,
  correctionList,
  correctionMade,
  decide,
  propose,
  renewCorrection,
} from './corrections.ts'
import { failCorrection, finishCorrection, stage } from './corrections-carry.ts'
import { correctionWaiting } from './corrections-waiting.ts'
import {
  endPush,
  fact,
  link,
  links,
  linksTo,
  removeLink,
  saveFact,
  saveLink,
  startPush,
} from './fhir-state.ts'
import {
  blobs,
  checkLevel,
  checkOutbox,
  checkPostings,
  counts,
  integrity,
  ping,
  referenced,
} from './inspection.ts'
import { instancesPage } from './instances.ts'
import { digestedPage, instancesDigest } from './instances-digest.ts'
import { digestedMetadata, metadataPage } from './metadata.ts'
import { known } from './known.ts'
import { checkDerived, checkRelations, unusedBlobs } from './level-check.ts'
import { addNote, changeStates } from './lifecycle.ts'
import { feed, sequence, walkAudit } from './ledger.ts'
import { cutPush, cuts, derivations, pushes } from './lineage.ts'
import { migrate, openArchive, readArchive } from './migrate.ts'
import type { Operation, ThreadWriter, WriteOperation } from './operation.ts'
import { claim, nextDue, owed, postpone, renew, settle, touch } from './outbox.ts'
import {
  doomBlobs,
  forgetBlob,
  noteRepair,
  rebuildLevel,
  rebuildPostings,
  recountArchive,
  releaseBlob,
  requeue,
} from './repairs.ts'
import { representative } from './representative.ts'
import { count, search } from './search.ts'

/** Every operation that reads, by the name under which it is sent to a reader. */
export const reads = {
  readArchive,
  known,
  search,
  count,
  instancesPage,
  digestedPage,
  instancesDigest,
  digestedMetadata,
  metadataPage,
  representative,
  owed,
  nextDue,
  link,
  links,
  linksTo,
  fact,
  attentionList,
  attentionCounts,
  pushes,
  cuts,
  derivations,
  correction,
  correctionList,
  correctionMade,
  correctionWaiting,
  feed,
  walkAudit,
  checkLevel,
  checkPostings,
  checkDerived,
  checkArchive,
  checkRelations,
  checkOutbox,
  unusedBlobs,
  blobs,
  referenced,
  integrity,
  counts,
  ping,
} satisfies Readonly<Record<string, Operation<never, unknown>>>

/** Every operation that writes. */
export const writes = {
  migrate,
  openArchive,
  add: addArrived,
  addWithBytes,
  quarantine,
  changeStates,
  addNote,
  propose,
  decide,
  claimCorrection,
  renewCorrection,
  stage,
  finishCorrection,
  failCorrection,
  claim,
  renew,
  settle,
  postpone,
  touch,
  saveLink,
  removeLink,
  startPush,
  endPush,
  cutPush,
  saveFact,
  raise,
  clear,
  resolve,
  sequence,
  rebuildLevel,
  rebuildPostings,
  recountArchive,
  doomBlobs,
  forgetBlob,
  releaseBlob,
  requeue,
  noteRepair,
} satisfies Readonly<Record<string, WriteOperation<never, unknown, ThreadWriter>>>
