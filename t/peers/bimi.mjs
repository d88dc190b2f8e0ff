// SPDX-License-Identifier: BSD-2-Clause
// What mailauth makes of logos, mark certificates and messages (t/bimi_peers.sh): bimi.mjs MODULES KIND...
//
//   logos                         files on standard input, one a line: FILE, then "good" or its error
//   certificates ROOT DOMAIN LOGO likewise, of mark certificates for default._bimi.DOMAIN, whose record names LOGO
//   messages PORT                 likewise, of messages from bob@DOMAIN; DNS is asked at 127.0.0.1 PORT. NAME DOMAIN FILE a line,
//                                 then the result, "record URI" where a record may be used (mailauth does not fetch it here)
//
// Each answer is one line, with tabs. Nothing is fetched: files that a record names are handed in.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Resolver } from 'node:dns/promises'
import { resolve } from 'node:path'

const [modules, kind, ...options] = process.argv.slice(2)
const require = createRequire(resolve(modules) + '/')
const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean)

function tell(...fields) {
  console.log(fields.map(field => String(field).replace(/\s+/g, ' ')).join('\t'))
}

async function answer(name, judge) {
  try {
    tell(name, await judge())
  } catch (error) {
    tell(name, error.code || error.message)
  }
}

async function logos() {
  const { validateSvg } = require('mailauth/lib/bimi/validate-svg')
  for (const file of lines) await answer(file, () => validateSvg(readFileSync(file)) && 'good')
}

// mailauth knows whom a certificate is for only together with the record.
async function certificates(root, domain, logo) {
  const { validateVMC } = require('mailauth/lib/bimi')
  const { RootStore } = require('@postalsys/vmc')
  const rootStore = RootStore.create()
  rootStore.rootCerts = []
  rootStore.addCert(readFileSync(root))
  for (const file of lines) {
    await answer(file, async () => {
      const record = { status: { header: { selector: 'default', d: domain } }, location: 'l', locationPath: readFileSync(logo),
        authority: 'a', authorityPath: readFileSync(file) }
      const { authority } = await validateVMC(record, { rootStore })
      if (!authority.success) return authority.error.code || authority.error.message
      return authority.hashMatch ? 'good' : 'ANOTHER_LOGO'
    })
  }
}

async function messages(port) {
  const { authenticate } = require('mailauth')
  const resolver = new Resolver({ timeout: 2000, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  for (const line of lines) {
    const [name, domain, file] = line.split(' ')
    await answer(name, async () => {
      const { bimi } = await authenticate(readFileSync(file), { ip: '198.51.100.25', helo: 'mail.test', mta: 'mx.example.com',
        sender: `bob@${domain}`, resolver: (name, type) => resolver.resolve(name, type), bimiWithAlignedDkim: true })
      const { result, header } = bimi.status
      return result === 'pass' ? `record ${bimi.location} ${header.selector}@${header.d}` : result
    })
  }
}

await { logos, certificates, messages }[kind](...options)
