import { ConnectionLostError } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { _t } from "@web/core/l10n/translation";
import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";

/** Dialog that runs the steps of a wizard (aftersales.progress.mixin) and shows how far it is. */
export class Progress extends Component {
    static template = "aftersales_parts.Progress";
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        const { model, id, total } = this.props.action.params;
        this.model = model;
        this.id = id;
        this.state = useState({ total, done: 0, problems: [], isRunning: false, error: "" });
        this.isClosed = false;
        onMounted(() => this.run());
        // whoever closes the dialog stops after the step that is running
        onWillUnmount(() => (this.isClosed = true));
    }

    get isFinished() {
        return this.state.done >= this.state.total;
    }

    get percent() {
        return this.state.total ? Math.floor((100 * this.state.done) / this.state.total) : 100;
    }

    async run() {
        this.state.isRunning = true;
        this.state.error = "";
        try {
            while (!this.isClosed && this.state.isRunning && !this.isFinished) {
                const step = await this.orm.silent.call(this.model, "run_step", [[this.id]]);
                this.state.total = step.total;
                this.state.done = step.done;
                this.state.problems.push(...step.problems);
            }
        } catch (error) {
            this.state.error =
                error instanceof ConnectionLostError
                    ? _t("The connection was lost. What is done stays done; go on when it is back.")
                    : error.data?.message || error.message;
        }
        this.state.isRunning = false;
    }

    pause() {
        this.state.isRunning = false;
    }

    async show() {
        const action = await this.orm.call(this.model, "action_finish", [[this.id]]);
        await this.action.doAction(action, { clearBreadcrumbs: true });
    }

    close() {
        return this.action.doAction({ type: "ir.actions.act_window_close" });
    }
}

registry.category("actions").add("aftersales_parts.progress", Progress);
