// Runs jobs from files through a slice and writes down when each starts and ends, when tiles open, and
// all sums. One run does many cases one after the other; each begins with a reset.
//
//   +jobs=FILE    a job per line, hexadecimal: gate, tile, weights, pixels, raw, need, codes, raw weights, load,
//                 basis, offset, inputs, the first one highest; sorted by case, then line
//   +lines=FILE   CASES * LINES + 1 numbers: where the jobs of each line begin
//   +cases=FILE   per case: tiles, linear, every_other, move, begins
//   +log=FILE     S case line cycle | E case line cycle | T case tile cycle | O case sums...
//
// A job is not offered before the tile `gate` is open. Cycles count from the one that first offers a
// job of the case; S is the first cycle of a job, E the first one after it, T the first one of the tile.
`timescale 1ns / 1ps
module tb_slice #(
    parameter CASES = 1,
    parameter JOBS = 1,
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
    parameter TILE = 16,
    parameter LIMIT = 100000  // cycles of a case: more is a slice that has stopped
);
    localparam CODES = 2 * ROWS * 8, RAWS = 2 * COLUMNS * 8, BASIS = 2 * ROWS * COLUMNS * 8;
    localparam INPUTS = DEPTH * 9;
    localparam JOB = 2 * TILE + 8 + 8 + 1 + 8 + CODES + RAWS + 1 + BASIS + 20 + INPUTS;
    localparam CASE = 32 + 1 + 1 + 2 + LINES;

    reg [JOB-1:0]  jobs  [0:JOBS-1];
    reg [31:0]     lines [0:CASES*LINES];
    reg [CASE-1:0] cases [0:CASES-1];

    reg clk = 0, reset = 1;
    integer now = 0, number = 0, rest = 0, log, l;
    reg [8*256-1:0] name;
    wire [31:0] tiles;
    wire linear, every_other;
    wire [1:0] move;
    wire [LINES-1:0] begins;
    assign {tiles, linear, every_other, move, begins} = cases[number];

    wire [LINES-1:0] valid, ready, none, raw, load_basis, starts, ends;
    wire [LINES*TILE-1:0] tile_of;
    wire [LINES*8-1:0] weights, pixels, need;
    wire [LINES*CODES-1:0] codes;
    wire [LINES*RAWS-1:0] raw_weights;
    wire [LINES*BASIS-1:0] basis;
    wire [LINES*20-1:0] offset;
    wire [LINES*INPUTS-1:0] inputs;
    wire [TILE-1:0] tile;
    wire all_done, advance, out_valid;
    wire [LINES*SUM-1:0] sums;

    pe_slice #(
        .LINES(LINES), .LEVELS(LEVELS), .BARRIER(BARRIER), .MACS(MACS), .DEPTH(DEPTH), .ROWS(ROWS),
        .COLUMNS(COLUMNS), .WEIGHT(WEIGHT), .LARGEST_SHIFT(LARGEST_SHIFT), .NEAREST(NEAREST),
        .CLIP(CLIP), .SUM(SUM), .TILE(TILE)
    ) slice (
        .clk(clk), .reset(reset), .linear(linear), .every_other(every_other), .move(move),
        .begins(begins), .others_done(tile < tiles), .job_valid(valid), .job_ready(ready),
        .job_none(none), .job_tile(tile_of), .job_weights(weights), .job_pixels(pixels), .job_raw(raw), .job_need(need),
        .job_codes(codes), .job_raw_weights(raw_weights), .job_load_basis(load_basis),
        .job_basis(basis), .job_offset(offset), .job_inputs(inputs), .tile(tile),
        .all_done(all_done), .advance(advance), .out_valid(out_valid), .out_sums(sums),
        .starts(starts), .ends(ends)
    );

    genvar i;
    generate
        for (i = 0; i < LINES; i = i + 1) begin : feed
            reg [31:0] next = 0;
            wire [31:0] past = lines[number*LINES + i + 1];
            wire [JOB-1:0] job = jobs[next < JOBS ? next : 0];
            wire [TILE-1:0] gate;
            assign {gate, tile_of[i*TILE +: TILE], weights[i*8 +: 8], pixels[i*8 +: 8], raw[i], need[i*8 +: 8],
                codes[i*CODES +: CODES], raw_weights[i*RAWS +: RAWS], load_basis[i],
                basis[i*BASIS +: BASIS], offset[i*20 +: 20], inputs[i*INPUTS +: INPUTS]} = job;
            assign valid[i] = !reset && next < past && gate <= tile;
            assign none[i] = !(next < past && gate <= tile);
            always @(posedge clk)
                if (reset) next <= lines[number*LINES + i];
                else if (valid[i] && ready[i]) next <= next + 1;
        end
    endgenerate

    initial begin
        if (!$value$plusargs("jobs=%s", name)) $finish;
        $readmemh(name, jobs);
        if (!$value$plusargs("lines=%s", name)) $finish;
        $readmemh(name, lines);
        if (!$value$plusargs("cases=%s", name)) $finish;
        $readmemh(name, cases);
        if (!$value$plusargs("log=%s", name)) $finish;
        log = $fopen(name, "w");
        forever #5 clk = !clk;
    end

    // Everything is read in the middle of a cycle, when it stands still.
    always @(negedge clk)
        if (!reset) begin
            for (l = 0; l < LINES; l = l + 1) begin
                if (starts[l]) $fdisplay(log, "S %0d %0d %0d", number, l, now + 1);
                if (ends[l]) $fdisplay(log, "E %0d %0d %0d", number, l, now + 1);
            end
            if (advance) $fdisplay(log, "T %0d %0d %0d", number, tile + 1, now + 1);
            if (out_valid) begin
                $fwrite(log, "O %0d", number);
                for (l = 0; l < LINES; l = l + 1)
                    if (l == LINES - 1 || begins[(l+1) % LINES])
                        $fwrite(log, " %0d", $signed(sums[SUM*l +: SUM]));
                $fwrite(log, "\n");
            end
        end

    always @(posedge clk) begin
        now <= reset ? 0 : now + 1;
        rest <= reset || tile < tiles ? 0 : rest + 1;
        if (reset) reset <= 0;
        else if (now > LIMIT) begin
            $fdisplay(log, "X %0d", number);
            $finish;
        end else if (rest > MACS + LEVELS + 4) begin
            if (number == CASES - 1) begin
                $fdisplay(log, "Q");
                $finish;
            end
            number <= number + 1;
            reset <= 1;
        end
    end
endmodule
