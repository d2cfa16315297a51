import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

function press(name, within = ".o_statusbar_buttons") {
    return {
        content: `Press ${name}`,
        trigger: `${within} button[name='${name}']`,
        run: "click",
    };
}

function reached(state) {
    return {
        content: `It is ${state}`,
        trigger: `.o_statusbar_status .o_arrow_button_current[data-value='${state}']`,
    };
}

function fill(field, text) {
    return {
        content: `Fill in ${field}`,
        trigger: `.modal [name='${field}'] :is(input, textarea)`,
        run: `edit ${text}`,
    };
}

const confirmWindow = {
    content: "Confirm the window",
    trigger: ".modal-footer button[name='action_confirm']",
    run: "click",
};
const windowClosed = {
    content: "The window is closed",
    trigger: "body:not(:has(.modal))",
};

tours.add("aftersales_settlement_file", {
    steps: () => [press("action_submit"), reached("submitted")],
});

tours.add("aftersales_settlement_verify", {
    steps: () => [
        press("action_verify"),
        reached("verified"),
    ],
});

tours.add("aftersales_settlement_audit", {
    steps: () => [
        {
            content: "Pay less for the pump",
            trigger:
                ".o_data_row:has(td:contains('Pump')) button[name='action_open_change']",
            run: "click",
        },
        {
            content: "Another amount",
            trigger: ".modal [name='mode'] input[data-value='amount']",
            run: "click",
        },
        fill("amount", "1000"),
        {
            content: "Open the deduction codes",
            trigger: ".modal [name='deduction_reason_id'] input",
            run: "edit D02",
        },
        {
            content: "Choose the code",
            trigger: ".modal .o-autocomplete--dropdown-item:not(.o_m2o_dropdown_option):not(:has(.fa-spin)) a",
            run: "click",
        },
        fill("reason", "Cracked housing"),
        confirmWindow,
        windowClosed,
        {
            content: "The list pays 1000.00 + 120.00",
            trigger: "[name='amount_payable']:contains('1,120.00')",
        },
        press("action_audit"),
        reached("audited"),
        press("action_send"),
        reached("sent"),
    ],
});

tours.add("aftersales_settlement_object", {
    steps: () => [
        {
            content: "Object to the pump",
            trigger:
                ".o_data_row:has(td:contains('Pump')) button[name='action_open_object']",
            run: "click",
        },
        {
            content: "The window explains the amount",
            trigger: ".modal .alert:contains('Cracked housing')",
        },
        fill("amount_expected", "2500"),
        fill("cause", "Only scratched, see the photos"),
        confirmWindow,
        windowClosed,
        reached("disputed"),
    ],
});

tours.add("aftersales_settlement_answer", {
    steps: () => [
        {
            content: "Look at the differences",
            trigger: ".o_notebook .nav-link[name='differences']",
            run: "click",
        },
        press("action_open_accept", ".o_field_widget[name='difference_ids']"),
        fill("amount", "2000"),
        fill("outcome", "Half of it is scratched"),
        confirmWindow,
        windowClosed,
        press("action_send"),
        reached("sent"),
    ],
});
