import type { DataSet, InstanceUids, Tag, Uid } from './data-set.ts'
import { note, Unreadable, type Oddities } from './reader-unreadable.ts'
import { FAILURE } from './reasons.ts'
import { isUid } from './uid.ts'

const MEDIA_STORAGE_DIRECTORY: Uid = '1.2.840.10008.1.3.10'

/** Who an instance is. */
export interface Identity {
  readonly uids: InstanceUids
  readonly SOPClassUID: Uid
}

/** A DICOMDIR is no instance to be stored (PS3.10 §8.6). Throws {@link Unreadable} with reason 0122H. */
export function refuseDirectory(meta: DataSet): void {
  if (meta['00020002']?.Value?.[0] === MEDIA_STORAGE_DIRECTORY) {
    throw new Unreadable('is a media directory, not an instance', {
      tag: '00020002',
      reason: FAILURE.sopClassNotSupported.code,
    })
  }
}

/**
 * The UIDs of an instance, from its data set, which wins over group 0002. Throws {@link Unreadable}, naming the tag,
 * when one is missing or can identify nothing.
 */
export function identify(meta: DataSet, dataSet: DataSet, oddities: Oddities): Identity {
  const SOPClassUID = uidOf(dataSet, '00080016')
  if (SOPClassUID === MEDIA_STORAGE_DIRECTORY) {
    throw new Unreadable('is a media directory, not an instance', {
      tag: '00080016',
      reason: FAILURE.sopClassNotSupported.code,
    })
  }
  const instance = uidOf(dataSet, '00080018')
  compare(meta, '00020002', SOPClassUID, oddities)
  compare(meta, '00020003', instance, oddities)
  const uids = { study: uidOf(dataSet, '0020000D'), series: uidOf(dataSet, '0020000E'), instance }
  return { uids, SOPClassUID }
}

function uidOf(dataSet: DataSet, tag: Tag): Uid {
  const values = dataSet[tag]?.Value ?? []
  const [uid] = values
  if (uid === undefined || uid === null) throw new Unreadable('is missing or empty', { tag })
  if (values.length > 1) throw new Unreadable('has more than one value', { tag })
  if (typeof uid !== 'string' || !isUid(uid)) throw new Unreadable('is no UID', { tag })
  return uid
}

function compare(meta: DataSet, tag: Tag, uid: Uid, oddities: Oddities): void {
  const said = meta[tag]?.Value?.[0]
  if (said !== undefined && said !== uid) note(oddities, 'differs from the data set, which counts', tag)
}
