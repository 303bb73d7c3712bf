/** The place in JupyterLab where the panels of the kernels are shown. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { EditorExtensionRegistry, IEditorExtensionRegistry } from "@jupyterlab/codemirror";
import { IConsoleTracker } from "@jupyterlab/console";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { CommandRegistry } from "@lumino/commands";
import { Controller } from "./controller";
import { Documents } from "./documents";
import { Marks, markLines } from "./marks";
import { Options } from "./options";
import style from "./style.css";

const NAME = "ipy-tensorwatch";
const OPEN = `${NAME}:open`;
const NEXT = `${NAME}:next`;
const FIX = `${NAME}:fix`;

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
  const options = new Options();
  const keys = (): string => keysOf(app.commands, NEXT);
  const controller = new Controller(app.shell, documents, marks, options, keys);
  app.shell.add(controller.side, "right", { rank: 900, type: "tensorwatch" });
  restorer?.add(controller.side, controller.side.id);

  app.commands.addCommand(OPEN, {
    label: "Show tensorwatch",
    caption: "Open the tensorwatch panel and go to it; from there, back to the notebook",
    execute: () => controller.toggleFocus(),
  });
  app.commands.addCommand(NEXT, {
    label: "Go to the next silent change",
    caption: "Go to the next line that changed something silently or caused a hazard",
    execute: () => controller.next(),
  });
  app.commands.addCommand(FIX, {
    label: "Offer what mends this line",
    execute: () => controller.mend(),
  });
  for (const command of [OPEN, NEXT, FIX]) {
    palette?.addItem({ command, category: "tensorwatch" });
  }

  editors?.addExtension({
    name: `${NAME}:marks`,
    factory: ({ model }) => EditorExtensionRegistry.createImmutableExtension(markLines(marks, model)),
  });
  if (settings) {
    options
      .follow(settings, plugin.id)
      .catch((reason: unknown) => console.warn("tensorwatch: no settings, so the defaults hold.", reason));
  }
}

/** The keys of a command, as a person reads them. */
function keysOf(commands: CommandRegistry, command: string): string {
  return commands.keyBindings.find((one) => one.command === command)?.keys.join(" ") ?? "";
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
