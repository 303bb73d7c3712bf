/** The place in JupyterLab where the panels of the kernels are shown. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Panel } from "@lumino/widgets";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "ipy-tensorwatch:plugin",
  autoStart: true,
  activate(app: JupyterFrontEnd): void {
    const side = new Panel();
    side.id = "ipy-tensorwatch-panel";
    side.title.caption = "tensorwatch";
    app.shell.add(side, "right", { rank: 900 });
  },
};

export default plugin;
