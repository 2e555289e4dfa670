// Builds the console's scripts into src/footfall/console/static/, or with --check compares them with
// what is there. Every file directly below src/ is an entry of its own, loaded by the pages that need it.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../../src/footfall/console/static");

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  return result.outputFiles[0].text;
}

const entries = readdirSync(join(here, "src"), { withFileTypes: true }).filter((found) => found.isFile());
const different = [];
for (const { name } of entries) {
  const built = await bundle(name);
  const path = join(target, name.replace(/\.ts$/, ".js"));
  if (process.argv.includes("--check")) {
    if (!existsSync(path) || readFileSync(path, "utf8") !== built) different.push(name);
  } else {
    writeFileSync(path, built);
  }
}
if (different.length) {
  console.error(`The committed build is not what the sources give: ${different.join(", ")}. Run make console.`);
  process.exit(1);
}
