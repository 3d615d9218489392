/**
 * OHIF, the viewer, as it comes built from npm: 50 MB, fetched once into the cache folder of this user when somebody
 * asks for it. It is no dependency of the product.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { homedir } from 'node:os'
import { extname, join, normalize, sep } from 'node:path'
import { promisify } from 'node:util'

const VERSION = '3.13.2'
/** Of the package, as the registry had it when it was tried here. */
const SHA512 = 'WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=='
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'concord')
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.jsonc': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
}

/** A viewer in the browser, over HTTP. */
export interface Viewer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  stop(): Promise<void>
}

/** The folder of the built viewer: from the cache, or from the npm registry by `npm pack` and `tar`. */
export async function fetchOhif(): Promise<string> {
  const folder = join(CACHE, `ohif-app-${VERSION}`)
  const built = join(folder, 'package', 'dist')
  if (existsSync(join(built, 'index.html'))) return built
  await mkdir(CACHE, { recursive: true })
  const staging = await mkdtemp(join(CACHE, 'ohif-'))
  const run = promisify(execFile)
  try {
    await run('npm', ['pack', `@ohif/app@${VERSION}`, '--pack-destination', staging], { cwd: staging })
    const archive = join(staging, `ohif-app-${VERSION}.tgz`)
    const digest = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')
    if (digest !== SHA512) throw new Error(`@ohif/app@${VERSION} is not the package that was tried here.`)
    await run('tar', ['-xzf', archive, '-C', staging, 'package/dist', 'package/LICENSE'])
    await rm(archive)
    await rename(staging, folder)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  return built
}

/**
 * Serves the viewer on a port of 127.0.0.1 (0: any free one), reading from DICOMweb services at `dicomweb`. The
 * service must name this viewer's origin in `CORS_ORIGINS`: `http://127.0.0.1:PORT`.
 */
export async function serveOhif(folder: string, port: number, dicomweb: () => string): Promise<Viewer> {
  const server = createServer((request, response) => {
    answer(folder, dicomweb(), request, response).catch(() => response.writeHead(404).end())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  folder: string,
  dicomweb: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Isolated from other origins, so that it may share memory between its threads (HTML, cross-origin isolation).
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
  const { pathname } = new URL(request.url ?? '/', 'http://viewer')
  if (pathname === '/app-config.js') {
    response.writeHead(200, { 'Content-Type': TYPES['.js'] }).end(configText(dicomweb))
    return
  }
  const path = normalize(decodeURIComponent(pathname))
  const isFile = extname(path) !== '' && !path.split(sep).includes('..')
  // Every other address is one of the viewer's own pages.
  const name = isFile ? path : 'index.html'
  const body = await readFile(join(folder, name))
  response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream' }).end(body)
}

function configText(dicomweb: string): string {
  const config = {
    routerBasename: null,
    extensions: [],
    modes: [],
    customizationService: {},
    showStudyList: true,
    maxNumberOfWebWorkers: 2,
    showWarningMessageForCrossOrigin: false,
    showCPUFallbackMessage: false,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    investigationalUseDialog: { option: 'never' },
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
    defaultDataSourceName: 'concord',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'concord',
        configuration: {
          friendlyName: 'Concord',
          name: 'concord',
          qidoRoot: dicomweb,
          wadoRoot: dicomweb,
          wadoUriRoot: `${dicomweb}/wado`,
          qidoSupportsIncludeField: true,
          imageRendering: 'wadors',
          thumbnailRendering: 'wadors',
          enableStudyLazyLoad: true,
          supportsFuzzyMatching: true,
          supportsWildcard: true,
          dicomUploadEnabled: true,
          omitQuotationForMultipartRequest: true,
          bulkDataURI: { enabled: true },
        },
      },
    ],
  }
  return `window.config = ${JSON.stringify(config, null, 2)}\n`
}
