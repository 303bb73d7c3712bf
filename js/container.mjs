/**
 * Wraps a bundle as a module federation container, the form in which JupyterLab loads a prebuilt extension:
 * an object with `init(shareScope)` and `get(module)`. Written by hand because that interface is all that is needed;
 * a bundler that knows it weighs a hundred megabytes.
 *
 * The share scope maps a package to its versions, and a version to `{ get, loaded }`, where `get` leads to a factory.
 */

/** The part that runs in the browser: its source is what is shipped, so it uses nothing but its arguments. */
function federate(name, shared, evaluate) {
  let scope;
  let extension;

  const compare = (a, b) => a.localeCompare(b, "en", { numeric: true });

  async function load(request) {
    const versions = scope[request];
    if (!versions) {
      throw new Error(`${name}: this application does not provide ${request}`);
    }
    // What is loaded already is the instance that the application itself uses.
    const known = Object.keys(versions).sort(compare);
    const version = known.filter((one) => versions[one].loaded).pop() ?? known.pop();
    const factory = await versions[version].get();
    return [request, factory()];
  }

  async function evaluateOnce() {
    const modules = new Map(await Promise.all(shared.map(load)));
    return evaluate((request) => modules.get(request));
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB[name] = {
    init(shareScope) {
      scope = shareScope;
    },
    async get() {
      extension ??= evaluateOnce();
      const exports = await extension;
      return () => exports;
    },
  };
}

const IMPORT = /import\{([^}]*)\}from"([^"]+)";/g;
const EXPORT = /export\{(\S+) as default\};\s*$/;

/**
 * The text of the container.
 *
 * @param {string} name The name of the extension.
 * @param {string[]} imports The packages that the bundle imports from the application, as often as it does.
 * @param {string} bundle The bundle: a minified module whose only export is its default. As CommonJS, it would weigh
 *   half a kilobyte more.
 */
export function container(name, imports, bundle) {
  const found = [...bundle.matchAll(IMPORT)].map(([, , path]) => path);
  if (String(found.sort()) !== String([...imports].sort()) || !EXPORT.test(bundle)) {
    throw new Error("the bundle is not of the form that the container takes");
  }
  const body = bundle
    .replace(IMPORT, (_, names, path) => `const{${names.replaceAll(" as ", ":")}}=require("${path}");`)
    .replace(EXPORT, "return $1");
  const shared = [...new Set(imports)].sort();
  return `(${federate})(${JSON.stringify(name)},${JSON.stringify(shared)},function(require){${body}});\n`;
}
