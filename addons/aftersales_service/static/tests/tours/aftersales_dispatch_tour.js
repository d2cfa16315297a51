import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("aftersales_dispatch_clerk", {
    steps: () => [
        {
            content: "The proposal says why",
            trigger: ".o_field_widget[name=technician_reason]:contains(0)",
        },
        {
            content: "Take it, and assign the request",
            trigger: "button[name=action_assign_proposed]",
            run: "click",
        },
        {
            content: "Make the appointment",
            trigger: "button[name=action_new_appointment]",
            run: "click",
        },
        {
            content: "When",
            trigger: ".modal .o_field_widget[name=date_start] input, .modal .o_field_widget[name=date_start] button",
            run: "click",
        },
        {
            content: "Tomorrow",
            trigger: ".modal .o_field_widget[name=date_start] input",
            run: "edit +1d && press Enter",
        },
        {
            content: "Who agreed",
            trigger: ".modal .o_field_widget[name=agreed_with] input",
            run: "edit Foreman Li",
        },
        {
            content: "And how",
            trigger: ".modal .o_field_widget[name=agreed_by] select, .modal .o_field_widget[name=agreed_by] input",
            run: "click",
        },
        {
            content: "By phone",
            trigger: ".o_select_menu_item:first",
            run: "click",
        },
        {
            content: "Save",
            trigger: ".modal button[special=save]",
            run: "click",
        },
        {
            content: "The request has its appointment",
            trigger: "body:not(:has(.modal)) button[name=action_view_appointments]",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_dispatch_technician", {
    steps: () => [
        {
            content: "The day's work is the first thing to see",
            trigger: ".o_kanban_record:contains(Tour of dispatch)",
        },
        {
            content: "Start the visit",
            trigger: ".o_kanban_record:contains(Tour of dispatch) button[name=action_create_record]",
            run: "click",
        },
        {
            content: "The record is open",
            trigger: ".o_form_view .o_field_widget[name=nameplate]",
        },
    ],
});
