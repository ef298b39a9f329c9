// The order of DianNao's work on a tile: a pixel takes a step for each tap of the kernel and each
// INPUTS channels; lanes beyond the last channel are switched off. Shared by all columns.
//
// A step is taken in every cycle in which its operands are there (`ready`).
module diannao_sequencer #(
    parameter INPUTS = 16
) (
    input  wire clk,
    input  wire reset,
    // a tile: held until `busy` has fallen
    input  wire start,
    input  wire [15:0] pixels,
    input  wire [15:0] taps,
    input  wire [15:0] channels,
    input  wire ready,
    output wire take,
    output wire first,  // the first step of an output, and the last one
    output wire last,
    output wire [INPUTS-1:0] lanes,
    output reg  busy
);
    reg [15:0] pixel, tap, channel;
    wire last_brick = channel + INPUTS >= channels;
    wire last_tap = tap + 1 == taps;
    wire last_pixel = pixel + 1 == pixels;
    assign take = busy && ready;
    assign first = tap == 0 && channel == 0;
    assign last = last_tap && last_brick;

    genvar i;
    generate
        for (i = 0; i < INPUTS; i = i + 1) begin : lane
            assign lanes[i] = channel + i < channels;
        end
    endgenerate

    always @(posedge clk)
        if (reset) busy <= 0;
        else if (start && !busy) begin
            busy <= 1;
            {pixel, tap, channel} <= 0;
        end else if (take) begin
            channel <= last_brick ? 0 : channel + INPUTS;
            if (last_brick) tap <= last_tap ? 0 : tap + 1;
            if (last) begin
                pixel <= pixel + 1;
                busy <= !last_pixel;
            end
        end
endmodule
