// A slice: LINES lines that make the same outputs from different input channels, the barrier at
// which they meet at the end of a tile, and the adder tree that brings their sums together.
//
// With BARRIER = 1 the barrier is a register: the cycle after the last line is done takes the sums to
// the output registers, and the next tile begins in the cycle after that one. With BARRIER = 0 the
// next tile begins at once. `others_done` is that of the slices that step together with this one.
// Output registers give one multiplier's sums per cycle to the tree, so a tile is at least as long as
// the tree needs for the one before it. Tags of tiles go up from 0 after a reset.
module pe_slice #(
    parameter LINES = 16,
    parameter LEVELS = 4,
    parameter BARRIER = 1,
    parameter MACS = 8,
    parameter DEPTH = 24,
    parameter ROWS = 3,
    parameter COLUMNS = 3,
    parameter WEIGHT = 17,
    parameter LARGEST_SHIFT = 7,
    parameter NEAREST = 1,
    parameter CLIP = 1,
    parameter SUM = 40,
    parameter TILE = 16
) (
    input  wire clk,
    input  wire reset,
    input  wire linear,
    input  wire every_other,
    input  wire [1:0] move,
    input  wire [LINES-1:0] begins,  // of the adder tree
    input  wire others_done,
    // Jobs of all lines, the first line lowest; as in pe_line.
    input  wire [LINES-1:0]                    job_valid,
    output wire [LINES-1:0]                    job_ready,
    input  wire [LINES-1:0]                    job_none,
    input  wire [LINES*TILE-1:0]               job_tile,
    input  wire [LINES*8-1:0]                  job_weights,
    input  wire [LINES*8-1:0]                  job_pixels,
    input  wire [LINES-1:0]                    job_raw,
    input  wire [LINES*8-1:0]                  job_need,
    input  wire [LINES*2*ROWS*8-1:0]           job_codes,
    input  wire [LINES*2*COLUMNS*8-1:0]        job_raw_weights,
    input  wire [LINES-1:0]                    job_load_basis,
    input  wire [LINES*2*ROWS*COLUMNS*8-1:0]   job_basis,
    input  wire [LINES*20-1:0]                 job_offset,
    input  wire [LINES*DEPTH*9-1:0]            job_inputs,
    output reg  [TILE-1:0]                     tile,
    output wire                                all_done,
    output wire                                advance,
    output wire                                out_valid,
    output wire [LINES*SUM-1:0]                out_sums,  // at the last line of each segment
    output wire [LINES-1:0]                    starts,
    output wire [LINES-1:0]                    ends
);
    localparam CLUSTER = MACS / 2;

    wire [LINES-1:0] done;
    reg  [7:0] draining;  // cycles for which the output registers are still read
    reg  meet, taken, ran, drains;
    assign all_done = (&done) && others_done;
    // The sums are taken in the cycle after this one, in which the registers may be read once more.
    wire opens = all_done && draining <= 8'd2 && !meet && (BARRIER != 0 || !taken);
    assign advance = BARRIER != 0 ? meet : opens;
    wire take = BARRIER != 0 ? meet : taken;

    always @(posedge clk) begin
        if (reset) begin
            tile <= {TILE{1'b0}};
            meet <= 1'b0;
            // A reset counts as the end of a tile: the layer before is still being drained.
            taken <= 1'b1;
            draining <= BARRIER == 0 ? 8'd0 : linear ? 8'd2 : MACS;
            ran <= 1'b0;
            drains <= 1'b0;
        end else begin
            if (advance) tile <= tile + 1'b1;
            meet <= BARRIER != 0 && opens;
            taken <= advance;
            ran <= ran || advance;
            if (take) drains <= ran || (BARRIER != 0);
            draining <= take ? (linear ? 8'd2 : MACS) : draining != 8'd0 ? draining - 8'd1 : 8'd0;
        end
    end

    wire [LINES*SUM-1:0] leaving;
    genvar l, m;
    generate
        for (l = 0; l < LINES; l = l + 1) begin : line
            wire [MACS*SUM-1:0] sums;
            reg  [MACS*SUM-1:0] held;
            pe_line #(
                .MACS(MACS), .DEPTH(DEPTH), .ROWS(ROWS), .COLUMNS(COLUMNS), .WEIGHT(WEIGHT),
                .LARGEST_SHIFT(LARGEST_SHIFT), .NEAREST(NEAREST), .CLIP(CLIP), .SUM(SUM), .TILE(TILE)
            ) pe (
                .clk(clk), .reset(reset), .linear(linear), .every_other(every_other), .move(move),
                .job_valid(job_valid[l]), .job_ready(job_ready[l]), .job_none(job_none[l]),
                .job_tile(job_tile[TILE*l +: TILE]), .job_weights(job_weights[8*l +: 8]),
                .job_pixels(job_pixels[8*l +: 8]), .job_raw(job_raw[l]), .job_need(job_need[8*l +: 8]),
                .job_codes(job_codes[2*ROWS*8*l +: 2*ROWS*8]),
                .job_raw_weights(job_raw_weights[2*COLUMNS*8*l +: 2*COLUMNS*8]),
                .job_load_basis(job_load_basis[l]),
                .job_basis(job_basis[2*ROWS*COLUMNS*8*l +: 2*ROWS*COLUMNS*8]),
                .job_offset(job_offset[20*l +: 20]), .job_inputs(job_inputs[DEPTH*9*l +: DEPTH*9]),
                .tile(tile), .advance(advance), .clear(take), .done(done[l]), .sums(sums),
                .starts(starts[l]), .ends(ends[l])
            );
            always @(posedge clk)
                if (take) held <= sums;
                else if (draining != 8'd0) held <= linear ? held >> (CLUSTER * SUM) : held >> SUM;
            // A cluster's three products are added inside the line.
            assign leaving[SUM*l +: SUM] = held[0 +: SUM]
                + (linear ? held[SUM +: SUM] + held[2*SUM +: SUM] : {SUM{1'b0}});
        end
    endgenerate

    adder_tree #(.LINES(LINES), .LEVELS(LEVELS), .SUM(SUM)) tree (
        .clk(clk), .begins(begins), .valid_in(drains && draining != 8'd0), .sums_in(leaving),
        .valid_out(out_valid), .sums_out(out_sums)
    );
endmodule
