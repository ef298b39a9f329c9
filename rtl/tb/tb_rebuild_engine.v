// Rows from a file through one engine: how many cycles each takes, and its weights.
//
//   +rows=FILE    COUNT words, hexadecimal: load basis (1 bit), basis, offset (10), raw (1), raw weights,
//                 codes, need (8), the first highest
//   +log=FILE     per row its cycles, then its weights
`timescale 1ns / 1ps
module tb_rebuild_engine #(
    parameter COUNT = 1,
    parameter ROWS = 3,
    parameter COLUMNS = 3,
    parameter WEIGHT = 17,
    parameter LARGEST_SHIFT = 7,
    parameter NEAREST = 1,
    parameter CLIP = 1,
    parameter PIPELINE = 0
);
    localparam BASIS = ROWS * COLUMNS * 8, RAWS = COLUMNS * 8, CODES = ROWS * 8;
    localparam WORD = 1 + BASIS + 10 + 1 + RAWS + CODES + 8;
    reg [WORD-1:0] rows [0:COUNT-1];
    reg clk = 0, reset = 1, load = 0;
    integer place, took, n, log;
    reg [8*256-1:0] name;
    reg [WORD-1:0] row;
    wire ready;
    wire [COLUMNS*WEIGHT-1:0] weights, made;
    rebuild_engine #(
        .ROWS(ROWS), .COLUMNS(COLUMNS), .WEIGHT(WEIGHT), .LARGEST_SHIFT(LARGEST_SHIFT),
        .NEAREST(NEAREST), .CLIP(CLIP), .PIPELINE(PIPELINE)
    ) engine (
        .clk(clk), .reset(reset), .load(load), .load_basis(row[WORD-1]),
        .basis(row[19 + RAWS + CODES +: BASIS]), .offset(row[9 + RAWS + CODES +: 10]),
        .raw(row[8 + RAWS + CODES]), .raw_weights(row[8 + CODES +: RAWS]), .codes(row[8 +: CODES]),
        .need(row[7:0]), .ready(ready), .weights(weights), .made(made)
    );

    initial begin
        if (!$value$plusargs("rows=%s", name)) $finish;
        $readmemh(name, rows);
        if (!$value$plusargs("log=%s", name)) $finish;
        log = $fopen(name, "w");
        row = rows[0];
        #10 reset = 0;
        for (place = 0; place < COUNT; place = place + 1) begin
            row = rows[place];
            load = 1;
            #10 load = 0;
            took = 1;
            while (!ready && took < 1000) begin
                #10 took = took + 1;
            end
            #10 $fwrite(log, "%0d", took);
            for (n = 0; n < COLUMNS; n = n + 1)
                $fwrite(log, " %0d", $signed(weights[WEIGHT*n +: WEIGHT]));
            $fwrite(log, "\n");
        end
        $finish;
    end
    always begin
        #2 clk = 1;
        #5 clk = 0;
        #3;
    end
endmodule
