/**
 * Builds what the Python package carries: the widget, which runs wherever anywidget runs, and the prebuilt extension
 * for JupyterLab 4 and Notebook 7.
 */

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { container } from "./container.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const PANEL = join(HERE, "..", "ipy_tensorwatch", "panel");
const MANIFEST = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));

/** What the two may weigh, in bytes: the widget travels over the wire with every `%load_ext`. */
const MAX_WIDGET = 65_000;
const MAX_EXTENSION = 24 * 1024; // it is loaded once, from the server: the title, the marks at both edges of a cell, the settings

/** The packages that JupyterLab brings: one instance a page, never bundled. */
const HOST_PACKAGES = ["@codemirror/*", "@jupyterlab/*", "@lumino/*"];

const COMMON = {
  absWorkingDir: HERE,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  minify: true,
  target: "es2022", // what JupyterLab 4 asks of a browser
  write: false,
};

/** A style sheet as text, without its white space. */
const STYLE_AS_TEXT = {
  name: "style as text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

async function bundle(options) {
  const { metafile, outputFiles } = await build({ ...COMMON, ...options });
  return { text: outputFiles[0].text, imports: Object.values(metafile.outputs)[0].imports };
}

function write(path, text, limit = Number.POSITIVE_INFINITY) {
  const size = Buffer.byteLength(text);
  if (size > limit) {
    throw new Error(`${path} has ${size} bytes, ${size - limit} more than its limit`);
  }
  const target = join(PANEL, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  return `  ${path}  ${(size / 1000).toFixed(1)} kB`;
}

async function buildWidget() {
  const script = await bundle({ entryPoints: ["src/widget/index.tsx"], format: "esm" });
  const style = await bundle({ entryPoints: ["src/widget/widget.css"] });
  rmSync(join(PANEL, "static"), { recursive: true, force: true });
  return [write("static/widget.js", script.text, MAX_WIDGET), write("static/widget.css", style.text)];
}

async function buildExtension() {
  const { text, imports } = await bundle({
    entryPoints: ["src/lab/index.ts"],
    format: "esm",
    external: HOST_PACKAGES,
    loader: { ".svg": "text" },
    plugins: [STYLE_AS_TEXT],
  });
  const external = imports.filter((one) => one.external).map(({ path }) => path);
  const { code: script } = await transform(container(MANIFEST.name, external, text), { charset: "utf8", minify: true });
  const hash = createHash("sha256").update(script).digest("hex").slice(0, 16);
  const entry = `static/remoteEntry.${hash}.js`; // another name for another content, so that no browser keeps the old one
  const manifest = {
    name: MANIFEST.name,
    description: MANIFEST.description,
    version: MANIFEST.version,
    license: MANIFEST.license,
    jupyterlab: { extension: true, schemaDir: "schemas", _build: { load: entry, extension: "./extension" } },
  };
  rmSync(join(PANEL, "labextension"), { recursive: true, force: true });
  cpSync(join(HERE, "schemas"), join(PANEL, "labextension", "schemas", MANIFEST.name), { recursive: true });
  return [
    write(`labextension/${entry}`, script, MAX_EXTENSION),
    write("labextension/package.json", `${JSON.stringify(manifest, null, 2)}\n`),
  ];
}

try {
  const lines = [...(await buildWidget()), ...(await buildExtension())];
  process.stdout.write(`${lines.join("\n")}\n`);
} catch (error) {
  process.stderr.write(`the front end was not built: ${error.message}\n`);
  process.exitCode = 1;
}
