// Rows of the systolic array, and their control, on folds from the file +tiles=: a line `steps`,
// then a line `activations weights` (hex, of all rows and of all columns) for each step. Prints
// `drain cycle sums` as results leave the last row, with cycles counted from the first busy one,
// then `fold cycles`.
`timescale 1ns / 1ps
module tb_systolic;
    parameter ROWS = 4;
    parameter COLUMNS = 8;
    parameter MOST = 4096;
    reg clk = 0, reset = 1, start = 0;
    reg [15:0] steps = 0;
    reg [ROWS*9-1:0] activations[0:MOST-1];
    reg [COLUMNS*8-1:0] weights[0:MOST-1];
    wire busy, drain;
    wire [ROWS-1:0] read_rows;
    wire [COLUMNS-1:0] read_columns;
    integer file, found, i, cycle;
    reg [8*256-1:0] name;

    systolic_fold #(ROWS, COLUMNS) control (
            clk, reset, start, steps, busy, read_rows, read_columns, drain
    );

    wire [(ROWS+1)*COLUMNS*8-1:0] down;
    wire [(ROWS+1)*COLUMNS*24-1:0] sums;
    assign sums[COLUMNS*24-1:0] = 0;
    genvar r, c;
    generate
        for (c = 0; c < COLUMNS; c = c + 1) begin : top
            wire [COLUMNS*8-1:0] word = weights[cycle-c];
            assign down[c*8+:8] = read_columns[c] ? word[c*8+:8] : 8'd0;
        end
        for (r = 0; r < ROWS; r = r + 1) begin : row
            wire [ROWS*9-1:0] word = activations[cycle-r];
            systolic_row #(COLUMNS) pes (
                    .clk(clk),
                    .reset(reset),
                    .drain(drain),
                    .left(read_rows[r] ? word[r*9+:9] : 9'd0),
                    .above(down[r*COLUMNS*8+:COLUMNS*8]),
                    .sums_above(sums[r*COLUMNS*24+:COLUMNS*24]),
                    .below(down[(r+1)*COLUMNS*8+:COLUMNS*8]),
                    .sums(sums[(r+1)*COLUMNS*24+:COLUMNS*24])
            );
        end
    endgenerate
    always #5 clk = !clk;

    initial begin
        cycle = 0;
        found = $value$plusargs("tiles=%s", name);
        file = $fopen(name, "r");
        repeat (2) @(negedge clk);
        reset = 0;
        while ($fscanf(file, "%d\n", steps) == 1) begin
            for (i = 0; i < steps; i = i + 1) found = $fscanf(file, "%h %h\n", activations[i], weights[i]);
            start = 1;
            @(negedge clk);
            start = 0;
            cycle = 0;
            #1;
            while (busy) begin
                if (drain) $display("drain %0d %h", cycle, sums[ROWS*COLUMNS*24+:COLUMNS*24]);
                @(negedge clk);
                cycle = cycle + 1;
                #1;
            end
            $display("fold %0d", cycle);
        end
        $finish;
    end
endmodule
