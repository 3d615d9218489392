import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { digestedOf, part10Of } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import { abortedWith, begun, CHECKED, entityTag, isNotModified, sendBegun } from './representation.ts'
import { scopeOf } from './scope.ts'
import { ZIP } from './wado-forms.ts'
import { zipOf, type ZipEntry } from './zip.ts'

/**
 * The files of a study, series or instance for people: one archive, a folder for each series, files as they were received.
 * It is read from the store while it is sent, and nothing of it is kept.
 */
export async function answerZip(archive: Archive, request: Request, response: Response): Promise<void> {
  const scope = scopeOf(request)
  const signal = abortedWith(response)
  const { digest, pages } = await digestedOf(archive, scope, { signal })
  const tag = entityTag(ZIP, digest)
  if (isNotModified(request, response, tag, CHECKED)) return
  const body = request.method === 'HEAD' ? null : await begun(response, zipOf(entriesOf(archive, pages)))
  const name = scope.instance ?? scope.series ?? scope.study ?? 'archive'
  response.setHeader('Content-Type', ZIP)
  response.setHeader('Content-Disposition', `attachment; filename="${name}.zip"`)
  if (body === null) response.end()
  else await sendBegun(response, body)
}

async function* entriesOf(
  archive: Archive,
  pages: AsyncIterable<readonly IndexedInstance[]>,
): AsyncGenerator<ZipEntry> {
  for await (const page of pages) {
    for (const instance of page) {
      const { study, series, instance: uid } = instance.uids
      yield {
        name: `${[study, series, uid].map(plain).join('/')}.dcm`,
        size: instance.size,
        modified: instance.receivedAt,
        open: () => part10Of(archive, instance, { isExplicit: false }),
      }
    }
  }
}

/** UIDs of real devices are odd at times; none of them may climb out of its folder. */
function plain(uid: string): string {
  return uid.replace(/[^\w.-]/g, '_').replace(/^\.+/, '_')
}
