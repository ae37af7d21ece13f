// LLaMA2-7B with three adapters of the Bone paper: what each trains and what it costs, without building a model.
//     dotnet run -c Release --project examples/Llama2
// The first table ends with 87,031,808 trainable parameters, the paper's number for Bone at block 64.
using Marrow.Examples.Llama2;

Console.WriteLine(Llama2BoneFree.Plan);
Console.WriteLine(Llama2BoneRow.Plan);
Console.WriteLine(Llama2Lora.Plan);
