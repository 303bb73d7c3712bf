/** The place in JupyterLab where the panels of the kernels are shown. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { EditorExtensionRegistry, IEditorExtensionRegistry } from "@jupyterlab/codemirror";
import { IConsoleTracker } from "@jupyterlab/console";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { Controller } from "./controller";
import { Documents } from "./documents";
import { Marks, markLines } from "./marks";
import style from "./style.css";

const NAME = "ipy-tensorwatch";
const OPEN = `${NAME}:open`;

function activate(
  app: JupyterFrontEnd,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  settings: ISettingRegistry | null,
  editors: IEditorExtensionRegistry | null,
  notebooks: INotebookTracker | null,
  consoles: IConsoleTracker | null,
): void {
  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);

  const marks = new Marks();
  const documents = new Documents({ shell: labShell, notebooks, consoles });
  const controller = new Controller(app.shell, documents, marks);
  app.shell.add(controller.side, "right", { rank: 900, type: "tensorwatch" });
  restorer?.add(controller.side, controller.side.id);

  app.commands.addCommand(OPEN, {
    label: "Show tensorwatch",
    caption: "Open the tensorwatch panel and go to it; from there, back to the notebook",
    execute: () => controller.toggleFocus(),
  });
  palette?.addItem({ command: OPEN, category: "tensorwatch" });

  editors?.addExtension({
    name: `${NAME}:marks`,
    factory: ({ model }) => EditorExtensionRegistry.createImmutableExtension(markLines(marks, model)),
  });
  settings
    ?.load(plugin.id)
    .then((loaded) => {
      const apply = (): void => marks.show(loaded.get("markLines").composite !== false);
      apply();
      loaded.changed.connect(apply);
    })
    .catch((reason: unknown) => console.warn("tensorwatch: no settings, so the defaults hold.", reason));
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:plugin`,
  description: "Shows what changed silently, and what shares memory.",
  autoStart: true,
  optional: [
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    ISettingRegistry,
    IEditorExtensionRegistry,
    INotebookTracker,
    IConsoleTracker,
  ],
  activate,
};

export default plugin;
