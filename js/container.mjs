/**
 * Wraps a CommonJS bundle as a module federation container, the form in which JupyterLab loads a prebuilt extension:
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
    const module = { exports: {} };
    evaluate(module, module.exports, (request) => modules.get(request));
    return module.exports;
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

/**
 * The text of the container.
 *
 * @param {string} name The name of the extension.
 * @param {string[]} shared The packages that the bundle requires from the application.
 * @param {string} bundle The CommonJS bundle.
 */
export function container(name, shared, bundle) {
  const factory = `function(module,exports,require){${bundle}}`;
  return `(${federate})(${JSON.stringify(name)},${JSON.stringify(shared)},${factory});\n`;
}
