/** Signs by hand: strokes on the canvas of the signature pad. */
export function draw() {
    return {
        content: "Draw the signature",
        trigger: ".modal canvas.o_web_sign_signature",
        run() {
            const { left, top, width, height } = this.anchor.getBoundingClientRect();
            const points = [0.2, 0.4, 0.6, 0.8].map((x, i) => [x, i % 2 ? 0.7 : 0.3]);
            const fire = (type, [x, y]) =>
                this.anchor.dispatchEvent(
                    new PointerEvent(type, {
                        bubbles: true,
                        pointerId: 1,
                        isPrimary: true,
                        button: 0,
                        buttons: type === "pointerup" ? 0 : 1,
                        pressure: 0.5,
                        clientX: left + x * width,
                        clientY: top + y * height,
                    })
                );
            fire("pointerdown", points[0]);
            points.forEach((point) => fire("pointermove", point));
            fire("pointerup", points.at(-1));
        },
    };
}
