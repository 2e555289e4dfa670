// Builds the SDK into src/footfall/http/static/widget/, or with --check compares it with what is there.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../../src/footfall/http/static/widget");
const CORE_LIMIT_BYTES = 6144; // gzipped: what a shop's page pays on its first visit
const PLACEHOLDER = "@release@@@@"; // as long as a release, which stands in its place
const ENTRIES = { "widget.js": "widget.ts", "ga4.js": "adapters/ga4.ts", "segment.js": "adapters/segment.ts" };

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2018",
    charset: "utf8",
    legalComments: "none",
    define: { RELEASE: JSON.stringify(PLACEHOLDER) },
    write: false,
    logLevel: "warning",
  });
  return result.outputFiles[0].text;
}

/** Return what is to be shipped: text by path below `target`. */
async function shipped() {
  const files = {};
  for (const [name, entry] of Object.entries(ENTRIES)) files[name] = await bundle(entry);
  const release = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 12);
  files["widget.js"] = files["widget.js"].replace(PLACEHOLDER, release);
  const core = gzipSync(files["widget.js"], { level: 9 }).length;
  for (const [name, text] of Object.entries(files)) {
    console.log(`${name}: ${gzipSync(text, { level: 9 }).length} bytes gzipped`);
  }
  if (core > CORE_LIMIT_BYTES) throw new Error(`widget.js has ${core} bytes gzipped; ${CORE_LIMIT_BYTES} are allowed`);
  const types = readFileSync(join(here, "widget.d.ts"), "utf8");
  const manifest = JSON.stringify({ release, files: Object.keys(files) }, null, 2) + "\n";
  const found = { "manifest.json": manifest, "widget.d.ts": types };
  for (const [name, text] of Object.entries(files)) found[`${release}/${name}`] = text;
  return found;
}

/** Return what is there: text by path below `target`. */
function present() {
  const found = {};
  if (!existsSync(target)) return found;
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    found[relative(target, path)] = readFileSync(path, "utf8");
  }
  return found;
}

const files = await shipped();
if (process.argv.includes("--check")) {
  const there = present();
  const paths = new Set([...Object.keys(files), ...Object.keys(there)]);
  const different = [...paths].filter((path) => files[path] !== there[path]);
  if (different.length) {
    console.error(`The committed build is not what the sources give: ${different.join(", ")}. Run make sdk.`);
    process.exit(1);
  }
} else {
  rmSync(target, { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  }
}
